"""Processes that check formats for a service: few at once, and each is gone when it is done."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from shared.domain.file_names import extension_of
from shared.formats.check import check_format, read_exactly
from shared.formats.costs import TooCostly
from shared.formats.inventory import Tensor
from shared.formats.plan import CHUNK_BYTES, SMALL, Range
from shared.formats.report import FormatError, FormatReport, RangeReader
from shared.formats.sandbox.limits import MIB, ProcessLimits
from shared.formats.sandbox.messages import (
    MAX_LINE_BYTES,
    Answer,
    Defect,
    Listed,
    Order,
    decode,
    encode_order,
)
from shared.runtime.progress import resting
from shared.runtime.settings import Settings

MODULE: Final = "shared.formats.sandbox"
CHECKOUT: Final = Path(__file__).parents[3]
MAX_SECONDS: Final = 900.0
"""Time by the clock: it depends on storage and on what else the machine does, so it says nothing
about the file, and the check is tried again."""


def limits_of(settings: Settings) -> ProcessLimits:
    """Return the limits of one process that the settings ask for."""
    memory_bytes = settings.format_check_memory_mib * MIB
    return ProcessLimits(memory_bytes, settings.format_check_cpu_seconds)


class CheckProcessFailed(Exception):
    """A process ended without an answer, for a reason that says nothing about the file."""


class CheckProcesses:
    """Runs format checks in processes of their own, at most `count` at once."""

    def __init__(self, limits: ProcessLimits, count: int, *, module: str = MODULE) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(count)
        self._module = module

    async def check(self, file_name: str, reader: RangeReader) -> FormatReport:
        """Verify the container format of a stored file, whatever that costs up to the limits.

        No process is left afterwards, also where this is cancelled.

        Raises:
            FormatError: the file is empty, or not the format that it claims to be.
            TooCostly: the check needs more than the limits.
            CheckProcessFailed: the process ended otherwise, or took longer than MAX_SECONDS.
            OSError: the reader failed, as do the errors of its own.

        """
        report, _ = await self._run(file_name, reader, None)
        return report

    async def list_tensors(
        self, file_name: str, reader: RangeReader, limit: int
    ) -> tuple[FormatReport, list[Tensor]]:
        """Check a file and return its tensors, too; raises as `check` does.

        Also raises TooCostly where it has more tensors than the limit.
        """
        return await self._run(file_name, reader, limit)

    async def _run(
        self, file_name: str, reader: RangeReader, limit: int | None
    ) -> tuple[FormatReport, list[Tensor]]:
        tensors: list[Tensor] = []
        with resting():  # whoever has the slot is watched
            await self._slots.acquire()
        try:
            with resting(MAX_SECONDS):
                answer = await self._answer(file_name, reader, limit, tensors)
        finally:
            self._slots.release()
        match answer:
            case FormatReport():
                return answer, tensors
            case Defect():
                raise CheckProcessFailed(answer.text)
            case _:
                raise answer

    async def _answer(
        self, file_name: str, reader: RangeReader, limit: int | None, tensors: list[Tensor]
    ) -> Answer:
        limits = self._limits
        order = Order(
            extension_of(file_name),
            reader.size_bytes,
            limits.memory_bytes,
            limits.cpu_seconds,
            limit,
        )
        try:
            async with asyncio.timeout(MAX_SECONDS), _running(self._module) as process:
                answer = await _converse(process, encode_order(order), reader, tensors)
                if answer is not None:
                    return answer
                code = await process.wait()
        except TimeoutError as error:
            raise CheckProcessFailed(f"no answer in {MAX_SECONDS} s") from error
        if code == -signal.SIGXCPU:
            return TooCostly(limits.cpu_text)
        raise CheckProcessFailed(f"the process ended with {code}")


async def check_at_leisure(
    file_name: str, reader: RangeReader, processes: CheckProcesses
) -> FormatReport:
    """Verify the container format of a stored file while nobody waits for it.

    In here where it is cheap, in a process where it is not. Beyond the process's limits the file is
    refused for good, since no further try would cost less.

    Raises:
        FormatError: also `format_too_costly`, which names the limit.
        CheckProcessFailed: nothing is known; to be tried again.
        OSError: the reader failed, as do the errors of its own.

    """
    try:
        return await check_format(file_name, reader, SMALL)
    except TooCostly:
        pass  # its header is large
    try:
        return await processes.check(file_name, reader)
    except TooCostly as error:
        raise FormatError("format_too_costly", f"The format cannot be judged: {error}.") from error


@asynccontextmanager
async def _running(module: str) -> AsyncGenerator[Process]:
    """Start a process that knows nothing of ours; it is dead and reaped at the end."""
    process = await asyncio.create_subprocess_exec(
        # No user's site, no variables of Python's, no installed packages: it needs none of them.
        *(sys.executable, "-E", "-s", "-S", "-m", module),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=MAX_LINE_BYTES,
        env={},
        cwd=CHECKOUT,
        start_new_session=True,  # a session of its own: signals of a terminal are not for it
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def _converse(
    process: Process, order: bytes, reader: RangeReader, tensors: list[Tensor]
) -> Answer | None:
    """Answer the process's wishes until it tells what it found; None where it ends without.

    Tensors that it lists are added to those given.
    """
    pipe_in, pipe_out = process.stdin, process.stdout
    assert pipe_in is not None  # noqa: S101 - they were asked for
    assert pipe_out is not None  # noqa: S101
    sent = order
    while True:
        with suppress(ConnectionError):  # it has ended, which reading tells
            pipe_in.write(sent)
            await pipe_in.drain()
        try:
            line = await pipe_out.readline()
            message = decode(line) if line else None
        except ValueError as error:
            raise CheckProcessFailed(f"the process said something odd: {error}") from error
        if isinstance(message, Listed):
            tensors += message.tensors
            sent = b""
        elif isinstance(message, Range):
            sent = await _range(message, reader)
        else:
            return message


async def _range(wish: Range, reader: RangeReader) -> bytes:
    """Read what was wished for, where a check may wish for it."""
    last = reader.size_bytes - wish.length
    if not (0 < wish.length <= CHUNK_BYTES and 0 <= wish.offset <= last):
        raise CheckProcessFailed(f"the process wished for {wish}")
    return await read_exactly(reader, wish.offset, wish.length)
