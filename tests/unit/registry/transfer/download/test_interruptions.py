"""A download that is interrupted anywhere: what is fetched again, and that the bytes are right."""

import hashlib
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import DestinationError
from registry.transfer.digests import composite
from registry.transfer.download import pieces
from registry.transfer.download.abort import Abort
from registry.transfer.download.journal import Journal
from registry.transfer.download.pieces import Piece, next_run
from registry.transfer.download.placement import Placement
from registry.transfer.download.plan import PlannedFile, PlannedVersion
from registry.transfer.download.staging import Staging
from registry.transfer.download.transfers import FileTransfer

PART = 10


@pytest.fixture(scope="module", autouse=True)
def each_part_travels_in_a_run_of_its_own_size() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "SMALL_RUN_BYTES", PART)
        yield


def ignore(_size_bytes: int) -> None:
    """Take progress, and tell nobody."""


def plan(data: bytes, *, knows_parts: bool, path: str = "w") -> PlannedFile:
    parts = [data[at : at + PART] for at in range(0, len(data), PART)]
    digests = [hashlib.sha256(part).digest() for part in parts]
    if knows_parts:
        return PlannedFile(path, len(data), PART, "http://storage.test/w", b"".join(digests))
    return PlannedFile(path, len(data), PART, "http://storage.test/w", b"", composite(digests))


@contextmanager
def staging_of(file: PlannedFile, folder: Path, number: int = 1) -> Generator[Staging]:
    target = folder / "w"
    version = PlannedVersion("m", number, [file])
    staging = Staging.begin(version, Placement(target, folder, [target], is_single=True))
    try:
        yield staging
    finally:
        staging.end(is_done=target.exists())


def transfer_of(file: PlannedFile, staging: Staging) -> FileTransfer:
    return FileTransfer(file, "m version 1", staging.files[0], staging.files[0].claims)


def deliver(transfer: FileTransfer, piece: Piece, data: bytes, count: int) -> None:
    """Let up to `count` bytes of a piece arrive."""
    sent = data[piece.position : min(piece.part.end, piece.position + count)]
    transfer.write(memoryview(sent), piece.position)
    piece.take(memoryview(sent))
    if not piece.missing_bytes:
        transfer.settle(piece, None)


@dataclass(frozen=True)
class Interruption:
    """One process: how many bytes of each run arrive before it ends, and what happens then."""

    arrivals: list[int]
    torn_bytes: int
    """Taken off the end of the journal, as a loss of power may do."""
    flipped: int | None
    """A byte that changes in the staged file."""


interruptions = st.builds(
    Interruption,
    arrivals=st.lists(st.integers(0, 3 * PART), max_size=6),
    torn_bytes=st.sampled_from([0, 0, 0, 1, 50, 120]),
    flipped=st.none() | st.integers(0, 500),
)


@given(
    data=st.binary(min_size=1, max_size=12 * PART),
    knows_parts=st.booleans(),
    processes=st.lists(interruptions, max_size=4),
    workers=st.integers(1, 4),
)
def test_only_what_is_not_there_and_right_is_fetched(
    data: bytes, knows_parts: bool, processes: list[Interruption], workers: int
) -> None:
    file = plan(data, knows_parts=knows_parts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for process in processes:
            run_interrupted(file, data, folder, process, workers)
        expected = missing_by_oracle(file, data, folder)
        with staging_of(file, folder) as staging:
            transfer, fetched = transfer_of(file, staging), set[int]()
            while transfer.left:
                for piece in take(transfer, workers):
                    fetched.add(piece.part.number)
                    while not piece.is_verified:  # what an earlier run left may be found wrong late
                        deliver(transfer, piece, data, PART)
                transfer.complete(ignore)
            staging.place()
        assert fetched == expected
        assert (folder / "w").read_bytes() == data
        assert os.listdir(folder) == ["w"]


def take(transfer: FileTransfer, workers: int) -> list[Piece]:
    """Return the pieces of the next run that are to be fetched."""
    run = next_run(transfer.left, workers)
    transfer.open(run, Abort(), ignore)
    return [piece for piece in run if not piece.is_verified]


def run_interrupted(
    file: PlannedFile, data: bytes, folder: Path, process: Interruption, workers: int
) -> None:
    staging = Staging.begin(
        PlannedVersion("m", 1, [file]),
        Placement(folder / "w", folder, [folder / "w"], is_single=True),
    )
    transfer = transfer_of(file, staging)
    for count in process.arrivals:
        if not transfer.left:
            break
        left = count
        for piece in take(transfer, workers):
            deliver(transfer, piece, data, left)
            left = max(0, left - PART)
    transfer.close()
    staging.end(is_done=False)
    journal, staged = places(file, folder)
    if journal.exists():
        content = journal.read_bytes()
        journal.write_bytes(content[: max(0, len(content) - process.torn_bytes)])
    if process.flipped is not None and staged.exists() and staged.stat().st_size:
        damaged = bytearray(staged.read_bytes())
        damaged[process.flipped % len(damaged)] ^= 1
        staged.write_bytes(damaged)


def places(file: PlannedFile, folder: Path) -> tuple[Path, Path]:
    found = [path for path in folder.iterdir() if path.name.startswith(".registry-download-")]
    place = found[0] if found else folder / "none"
    return place / "journal", place / file.content_id()


def missing_by_oracle(file: PlannedFile, data: bytes, folder: Path) -> set[int]:
    """Say by the files alone which parts are to be fetched."""
    journal, staged = places(file, folder)
    everything = set(range(1, file.part_count + 1))
    bytes_there = staged.read_bytes() if staged.exists() else b""
    if file.part_count == 1:
        return set() if bytes_there == data else everything
    lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
    named = {int(line.split()[1]) for line in lines if line.count(" ") == 2 and len(line) > 97}
    right = {
        number
        for number in named
        if bytes_there[(number - 1) * PART : number * PART]
        == data[(number - 1) * PART : number * PART]
    }
    return everything - right


def test_a_changed_version_starts_anew(tmp_path: Path) -> None:
    first, second = bytes(range(40)), bytes(range(100, 140))
    for data in (first, second):
        file = plan(data, knows_parts=True)
        with staging_of(file, tmp_path) as staging:
            transfer = transfer_of(file, staging)
            assert not staging.files[0].claims
            for _ in range(2):
                for piece in take(transfer, 1):
                    deliver(transfer, piece, data, PART)
            transfer.close()


def test_a_file_that_was_placed_before_the_end_is_not_fetched_again(tmp_path: Path) -> None:
    files = [plan(bytes(range(40)), knows_parts=True), plan(b"one", knows_parts=True, path="x")]
    targets = [tmp_path / "w", tmp_path / "x"]
    version = PlannedVersion("m", 1, files)
    staging = Staging.begin(version, Placement(tmp_path, tmp_path, targets, is_single=False))
    for file, staged, data in zip(files, staging.files, [bytes(range(40)), b"one"], strict=True):
        transfer = FileTransfer(file, "m", staged, {})
        while transfer.left:
            for piece in take(transfer, 1):
                deliver(transfer, piece, data, PART)
        transfer.complete(ignore)
    staging.files[0].path.replace(targets[0])  # as if the process ended in the middle of `place`
    staging.end(is_done=False)
    again = Staging.begin(version, Placement(tmp_path, tmp_path, targets, is_single=False))
    for file, staged in zip(files, again.files, strict=True):
        transfer = FileTransfer(file, "m", staged, staged.claims)
        while transfer.left:
            assert not take(transfer, 1)
        transfer.complete(ignore)
    again.place()
    again.end(is_done=True)
    assert [target.read_bytes() for target in targets] == [bytes(range(40)), b"one"]


def test_a_second_download_is_told_of_the_first(tmp_path: Path) -> None:
    file = plan(b"w", knows_parts=True)
    with staging_of(file, tmp_path):
        with pytest.raises(DestinationError, match="at work"), staging_of(file, tmp_path):
            pass
        with staging_of(file, tmp_path, number=2):  # another version has its own place
            pass
    with staging_of(file, tmp_path):
        pass


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    name, digest = "0" * 32, b"\1" * 32
    for torn in (b"", b"0" * 20, b"0" * 32 + b" 1 " + b"a" * 63, b"\n\xff\n" * 3, b"1" * 1000):
        (tmp_path / "journal").write_bytes(torn)
        for number in (1, 2):
            journal = Journal(tmp_path / "journal")
            assert len(journal.read([name]).get(name, {})) == number - 1
            journal.append(name, number, digest)
            journal.close()
