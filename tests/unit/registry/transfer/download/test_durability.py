"""A name appears when its bytes are durable, and is made durable itself before the call returns."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from registry.transfer.download import journal, staged
from registry.transfer.download.placement import Placement
from registry.transfer.download.plan import PlannedFile, PlannedVersion
from registry.transfer.download.staging import Staging

URL = "http://storage.test/w"


class Disk:
    """Notes, in order, what is written, made durable and named, by inode."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.steps: list[tuple[str, int]] = []
        for name in ("pwrite", "fsync", "fdatasync"):
            self._note(patch, os, name, name.removeprefix("p").replace("fdata", "f"))
        for module in (staged, journal):  # they hold the function itself
            patch.setattr(module, "fdatasync", os.fdatasync)
        replace = Path.replace

        def note_replace(path: Path, target: Path) -> Path:
            self.steps.append(("name", path.stat().st_ino))
            return replace(path, target)

        patch.setattr(Path, "replace", note_replace)

    def _note(self, patch: pytest.MonkeyPatch, module: Any, name: str, step: str) -> None:
        function = getattr(module, name)

        def noting(descriptor: int, *arguments: Any) -> Any:
            self.steps.append((step, os.fstat(descriptor).st_ino))
            return function(descriptor, *arguments)

        patch.setattr(module, name, noting)

    def last(self, step: str, path: Path) -> int:
        """Return when this was last done to a file or folder; fails where it never was."""
        wanted = (step, path.stat().st_ino)
        return max(at for at, found in enumerate(self.steps) if found == wanted)


def planned(path: str, data: bytes, part_size: int) -> PlannedFile:
    parts = [data[at : at + part_size] for at in range(0, len(data), part_size)]
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return PlannedFile(path, len(data), part_size, URL, digests)


def test_bytes_are_durable_before_their_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = tmp_path / "out"
    contents = {"w": b"0123456789", "small": b"s", "a/b/deep": b"deep", "a/c/other": b"other"}
    files = [planned(path, data, 4) for path, data in contents.items()]
    disk = Disk(monkeypatch)
    staging = Staging.begin(
        PlannedVersion("m", 1, files),
        Placement(to, to, [to / path for path in contents], is_single=False),
    )
    for file, staged_file in zip(files, staging.files, strict=True):
        staged_file.open()
        for part in file.parts():
            data = contents[file.path][part.start : part.end]
            staged_file.write(memoryview(data), part.start)
            staged_file.keep(part, hashlib.sha256(data).digest())
        staged_file.complete()
    staging.place()
    staging.end(is_done=True)
    for path, data in contents.items():
        target = to / path
        assert target.read_bytes() == data
        assert disk.last("write", target) < disk.last("fsync", target) < disk.last("name", target)
        for folder in target.relative_to(tmp_path).parents:
            if folder != Path():
                assert disk.last("name", target) < disk.last("fsync", tmp_path / folder), folder


def test_the_journal_names_what_is_durable_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staged, "SYNC_BYTES", 8)
    disk = Disk(monkeypatch)
    data = bytes(range(12))
    file = planned("w", data, 4)
    staging = Staging.begin(
        PlannedVersion("m", 1, [file]),
        Placement(tmp_path / "w", tmp_path, [tmp_path / "w"], is_single=True),
    )
    [arriving] = staging.files
    arriving.open()
    for part in file.parts():
        arriving.write(memoryview(data[part.start : part.end]), part.start)
        arriving.keep(part, hashlib.sha256(data[part.start : part.end]).digest())
    arriving.close()
    staging.end(is_done=False)
    [journal_file] = tmp_path.glob(".registry-download-*/journal")
    assert disk.last("fsync", arriving.path) < disk.last("fsync", journal_file)
