"""The folder in which a download arrives, on the file system that it is for.

No file of a version can have its name: `check_file_path` refuses it. It is kept when a download
is interrupted, and the same call continues with it.
"""

import os
import shutil
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

from registry._folders import sync_folder
from registry._locks import LOCK_NAME, FolderInUseError, lock_folder
from registry.errors import DestinationError
from registry.schemas.names import DOWNLOAD_FOLDER_PREFIX
from registry.transfer.download.journal import Journal
from registry.transfer.download.placement import Placement, writing
from registry.transfer.download.plan import PlannedVersion
from registry.transfer.download.staged import StagedFile

JOURNAL_NAME = "journal"


class Staging:
    """A locked staging folder with its journal, and a staged file for each file of the version."""

    def __init__(self, folder: Path, lock: int, placement: Placement) -> None:
        self._folder, self._lock, self._base = folder, lock, placement.base
        self._journal = Journal(folder / JOURNAL_NAME)
        self.files: list[StagedFile] = []

    @classmethod
    def begin(cls, version: PlannedVersion, placement: Placement) -> Self:
        """Make or take up the folder of a download.

        Raises DestinationError where it cannot be made, or another download is at work in it.
        """
        folder = _folder_of(version, placement)
        with writing(placement.base):
            try:
                lock = lock_folder(folder)
            except FolderInUseError:
                raise DestinationError(
                    f"another download of {version.model} version {version.number} to"
                    f" {placement.base} is at work"
                ) from None
            try:
                staging = cls(folder, lock, placement)
                staging._read_journal(version, placement.targets)
            except BaseException:
                os.close(lock)
                raise
        return staging

    def _read_journal(self, version: PlannedVersion, targets: Sequence[Path]) -> None:
        claims = self._journal.read({file.content_id() for file in version.files})
        self.files = [
            StagedFile(file, target, self._folder, self._journal, claims.get(file.content_id(), {}))
            for file, target in zip(version.files, targets, strict=True)
        ]

    def place(self) -> None:
        """Give every file its name, once all are complete; each in one step.

        Raises DestinationError where two files of the version would become one: a link in the
        folder, or a file system that does not tell upper case from lower.
        """
        placed: set[tuple[int, int] | None] = set()
        for file in self.files:
            if not file.is_complete:
                raise RuntimeError(f"{file.target} is not complete")
            with writing(file.target):
                if _identity(file.target) in placed:
                    raise DestinationError(
                        f"cannot write {file.target}: another file of the version is there under"
                        " this name"
                    )
                file.path.replace(file.target)
                placed.add(_identity(file.target))
        within = self._folder.parent
        parents = {folder for file in self.files for folder in file.target.parents}
        for folder in parents:
            if folder.is_relative_to(within):  # a name is durable when those above it are
                with writing(folder):
                    sync_folder(folder)

    def end(self, *, is_done: bool) -> None:
        """Let go of the folder: removed when the download is done or never began, else kept."""
        with writing(self._base):
            try:
                self._journal.close()
                names = {entry.name for entry in self._folder.iterdir()}
                if is_done or names <= {LOCK_NAME, JOURNAL_NAME}:
                    _remove(self._folder)
                if is_done:
                    self._remove_earlier()
            finally:
                _release(self._folder, self._lock)

    def _remove_earlier(self) -> None:
        """Remove what interrupted downloads of the model's other versions left for this place."""
        siblings = f"{self._folder.name.rpartition('-')[0]}-*"
        for folder in self._folder.parent.glob(siblings):
            try:
                lock = lock_folder(folder)
            except FolderInUseError:
                continue
            try:
                _remove(folder)
            finally:
                _release(folder, lock)


def _folder_of(version: PlannedVersion, placement: Placement) -> Path:
    """Return the folder by model, place and version, so that no other download has it."""
    place = placement.targets[0].name if placement.is_single else ""
    key = sha256(f"{version.model}\0{place}".encode(errors="surrogateescape")).hexdigest()[:16]
    return placement.folder / f"{DOWNLOAD_FOLDER_PREFIX}{key}-{version.number}"


def _remove(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name != LOCK_NAME:
            entry.unlink()
    if os.name != "nt":
        # Last, and while it is locked: as long as it is there, nobody else begins in the folder.
        (folder / LOCK_NAME).unlink()
        folder.rmdir()


def _release(folder: Path, lock: int) -> None:
    os.close(lock)
    if os.name == "nt" and os.listdir(folder) == [LOCK_NAME]:
        shutil.rmtree(folder, ignore_errors=True)  # Windows removes no file that is open


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
