"""The command that is run once the link leads to another version, such as a reload of a server."""

import os
from collections.abc import Mapping, Sequence
from subprocess import DEVNULL

import anyio

from registry._credentials import TOKEN_VARIABLE

MAX_TOLD_CHARACTERS = 500


class CommandFailedError(Exception):
    """The command could not be run, failed, or took too long."""


async def run_command(
    command: Sequence[str], told: Mapping[str, str], timeout_seconds: float
) -> None:
    """Run a command, with what it is told as variables; raises CommandFailedError.

    It has the variables of this process but the token, and its output goes where ours goes.
    """
    environment = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    name = command[0][:MAX_TOLD_CHARACTERS]
    try:
        process = await anyio.open_process(
            command, stdin=DEVNULL, stdout=None, stderr=None, env={**environment, **told}
        )
    except OSError as error:
        raise CommandFailedError(f"cannot run {name}: {error.strerror or error}") from error
    try:
        with anyio.fail_after(timeout_seconds):
            status = await process.wait()
    except TimeoutError:
        raise CommandFailedError(f"{name} took more than {timeout_seconds:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
        with anyio.CancelScope(shield=True):
            await process.aclose()
    if status:
        raise CommandFailedError(f"{name} ended with status {status}")
