"""Downloads over real sockets, broken off anywhere and continued: each verified byte comes once.

What is on the way when a process is killed is decided by threads and sockets. The oracle looks at
the files alone: what the journal names, and whether those bytes are right.
"""

import hashlib
import shutil
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry import RetryPolicy, UnavailableError
from registry._api import Api
from registry.schemas import CompositeDigest, Download, Downloads
from registry.transfer.digests import composite
from registry.transfer.download import connections, pieces, transfers
from registry.transfer.download.connections import Connections
from registry.transfer.download.downloader import Downloader
from registry.transfer.download.fetcher import Fetcher
from registry.transfer.download.plan import PlannedFile, PlanReader
from tests.support.range_server import RangeServer, range_server

pytestmark = pytest.mark.enable_socket

PATHS = ["w", "w.part", "d/w", "d/w.part", "lock"]
TLS = ssl.create_default_context()
PATIENCE = RetryPolicy(attempts=2, base_seconds=0.0)


@dataclass(frozen=True)
class File:
    """A file of the version, and what the registry tells of it."""

    path: str
    data: bytes
    part_size: int
    knows_parts: bool
    """Else only the composite digest is known."""

    def planned(self, url: str) -> Download:
        size = self.part_size
        cut = [self.data[at : at + size] for at in range(0, len(self.data), size)] or [b""]
        digests = [hashlib.sha256(part).digest() for part in cut]
        told: dict[str, Any] = {"part_size_bytes": size, "part_sha256": [d.hex() for d in digests]}
        if not self.knows_parts:
            value = composite(digests)
            count = len(digests)
            told = {
                "composite": CompositeDigest(value=value, part_size_bytes=size, part_count=count)
            }
        fields: dict[str, Any] = {"sha256": None, "sha256_state": None, "composite": None}
        return Download(
            path=self.path,
            url=f"{url}/{self.path}?X-Amz-Signature=5ec2e7",
            expires_at=datetime(2026, 1, 1, tzinfo=UTC),
            size_bytes=len(self.data),
            **{**fields, **told},
        )


@dataclass(frozen=True)
class Process:
    """One process that does not reach the end."""

    budget_bytes: int
    """How many bytes it is sent."""
    is_killed: bool
    """Its files stay as they are at that moment; else storage goes away, and it gives up."""
    torn_bytes: int
    """Taken off the end of the journal, as a loss of power may do."""
    changed_byte: int | None
    """In what has arrived: changed before the next process begins."""
    workers: int


class Pages:
    """The registry, as far as a download asks it: one page of downloads."""

    def __init__(self, server: RangeServer, files: Sequence[File]) -> None:
        self._page = Downloads(
            model="m", number=1, files=[file.planned(server.url) for file in files]
        )

    async def get_downloads(self, *_: object) -> Downloads:
        return self._page

    def planned(self) -> list[PlannedFile]:
        reader = PlanReader()
        reader.add(self._page)
        return reader.files()


@pytest.fixture(scope="module")
def server() -> Iterator[RangeServer]:
    with pytest.MonkeyPatch.context() as patch, range_server() as server:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        patch.setattr(pieces, "SMALL_RUN_BYTES", 20)
        patch.setattr(pieces, "RUN_BYTES", 90)
        patch.setattr(connections, "BUFFER_BYTES", 16)
        patch.setattr(transfers, "BUFFER_BYTES", 16)
        yield server


@st.composite
def versions(draw: st.DrawFn) -> list[File]:
    paths = draw(st.lists(st.sampled_from(PATHS), unique=True, min_size=1, max_size=5))
    return [
        File(
            path,
            draw(st.binary(max_size=40)) * draw(st.integers(1, 10)),
            draw(st.integers(1, 90)),
            draw(st.booleans()),
        )
        for path in paths
    ]


processes = st.builds(
    Process,
    budget_bytes=st.integers(0, 600),
    is_killed=st.booleans(),
    torn_bytes=st.sampled_from([0, 0, 0, 1, 50, 120]),
    changed_byte=st.none() | st.integers(0, 2000),
    workers=st.integers(1, 4),
)


@settings(max_examples=200)
@given(
    files=versions(),
    interrupted=st.lists(processes, max_size=3),
    flips=st.sets(st.integers(0, 12), max_size=2),
    workers=st.integers(1, 4),
)
@example(
    files=[File("w", bytes(range(200)), 20, knows_parts=True)],
    interrupted=[Process(150, True, 0, None, 3), Process(30, False, 0, None, 2)],
    flips=set(),
    workers=4,
)
@example(
    files=[
        File("w", bytes(18), 1, knows_parts=True),
        File("w.part", bytes(2), 2, knows_parts=True),
    ],
    interrupted=[Process(0, False, 0, None, 1), Process(37, False, 0, None, 1)],
    flips={0},
    workers=1,
)
def test_no_byte_that_is_there_and_right_comes_again(
    server: RangeServer,
    files: list[File],
    interrupted: list[Process],
    flips: set[int],
    workers: int,
) -> None:
    server.objects = {file.path: file.data for file in files}
    # Nothing tells a changed byte on the way where only the composite is known.
    server.flips = flips if all(file.knows_parts for file in files) else set()
    with tempfile.TemporaryDirectory() as name:
        to = Path(name) / "out"
        to.mkdir()
        for number, process in enumerate(interrupted):
            kept = what_lies_there(server, files, to)
            anyio.run(run_interrupted, server, files, to, process)
            assert_nothing_asked_of(kept, server)
            if number == 0:
                assert_what_came_is_kept(server, files, to, process)
            damage(server, files, to, process)
        kept = what_lies_there(server, files, to)
        server.begin()
        anyio.run(download, server, files, to, workers)
        assert_nothing_asked_of(kept, server)
        found = {str(path.relative_to(to)): path for path in to.rglob("*") if path.is_file()}
        assert {path: place.read_bytes() for path, place in found.items()} == server.objects


async def download(server: RangeServer, files: Sequence[File], to: Path, workers: int) -> None:
    connections = Connections(TLS, read_seconds=30)
    api = cast(Api, Pages(server, files))
    try:
        downloader = Downloader(api, Fetcher(connections, PATIENCE, workers))
        await downloader.download("m", 1, to, None)
    finally:
        connections.close()


async def run_interrupted(
    server: RangeServer, files: Sequence[File], to: Path, process: Process
) -> None:
    """Download until the budget is spent; leave behind what a killed process would."""
    server.begin(process.budget_bytes, goes_silent=process.is_killed)
    image = to.with_name("image")
    is_killed = False

    async def kill() -> None:
        nonlocal is_killed
        await anyio.to_thread.run_sync(server.wait_until_spent)
        if process.is_killed and not group.cancel_scope.cancel_called:
            is_killed = True
            await anyio.to_thread.run_sync(copy, to, image)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        try:
            await download(server, files, to, process.workers)
            group.cancel_scope.cancel()
        except UnavailableError:
            assert not process.is_killed
        finally:
            server.release()
    if is_killed:
        shutil.rmtree(to)
        image.rename(to)


def copy(source: Path, image: Path) -> None:
    """Copy files that threads may still write: the journal first, as it is the later one."""
    for journal in source.glob(".registry-download-*/journal"):
        (image / journal.parent.name).mkdir(parents=True)
        shutil.copyfile(journal, image / journal.relative_to(source))
    shutil.copytree(source, image, ignore=shutil.ignore_patterns("journal"), dirs_exist_ok=True)


def staging_of(to: Path) -> Path:
    return next(to.glob(".registry-download-*"), to / "none")


def damage(server: RangeServer, files: Sequence[File], to: Path, process: Process) -> None:
    staging = staging_of(to)
    if (journal := staging / "journal").exists():
        content = journal.read_bytes()
        journal.write_bytes(content[: max(0, len(content) - process.torn_bytes)])
    if process.changed_byte is None:
        return
    names = sorted(planned.content_id() for planned in Pages(server, files).planned())
    arrived = [staging / name for name in names if (staging / name).exists()]
    if arrived and (size := arrived[0].stat().st_size):
        data = bytearray(arrived[0].read_bytes())
        data[process.changed_byte % size] ^= 1
        arrived[0].write_bytes(data)


def what_lies_there(
    server: RangeServer, files: Sequence[File], to: Path
) -> dict[str, list[tuple[int, int]]]:
    """Say by the files alone which ranges of each need not come again."""
    staging, kept = staging_of(to), dict[str, list[tuple[int, int]]]()
    journal = staging / "journal"
    lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
    named = [line.split() for line in lines if len(line) > 97 and line.count(" ") == 2]
    for file, planned in zip(files, Pages(server, files).planned(), strict=True):
        arrived = staging / planned.content_id()
        bytes_there = arrived.read_bytes() if arrived.exists() else b""
        if planned.part_count == 1:
            # A byte that changes on the way makes all of it come again: one digest is all there is.
            is_right = file.data.startswith(bytes_there) and not server.flips
            kept[file.path] = [(0, len(bytes_there))] if is_right else []
            continue
        numbers = {int(number) for name, number, _ in named if name == planned.content_id()}
        kept[file.path] = [
            (part.start, part.end)
            for part in planned.parts()
            if part.number in numbers
            and bytes_there[part.start : part.end] == file.data[part.start : part.end]
        ]
    return kept


def assert_what_came_is_kept(
    server: RangeServer, files: Sequence[File], to: Path, process: Process
) -> None:
    """Where one thread worked and came to an end, it had everything that was sent."""
    if process.workers > 1 or process.is_killed or server.flips or not staging_of(to).exists():
        return
    lies_there = what_lies_there(server, files, to)
    for file in files:
        sent = {
            place
            for path, first, end in server.sent
            if path == file.path
            for place in range(first, end)
        }
        size = file.part_size if file.part_size < len(file.data) else 1
        for first in range(0, len(file.data), size):
            end = min(first + size, len(file.data))
            if sent.issuperset(range(first, end)):
                assert any(a <= first and end <= b for a, b in lies_there[file.path])


def assert_nothing_asked_of(kept: dict[str, list[tuple[int, int]]], server: RangeServer) -> None:
    for asked in server.asked:
        for first, end in kept[asked.path]:
            assert asked.end <= first or asked.first >= end, f"{asked} has {first} to {end} again"
