"""Where the files of a version go on this machine."""

import os
import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry.errors import DestinationError, UnsafePathError
from registry.schemas.names import check_file_path
from registry.transfer.download.plan import PlannedFile


@contextmanager
def writing(target: Path) -> Generator[None]:
    """Turn what the file system refuses into DestinationError."""
    try:
        yield
    except OSError as error:
        raise DestinationError(f"cannot write {target}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a download goes."""

    base: Path
    """The file or folder that it makes, as it is told to the caller."""
    folder: Path
    """The folder that every target lies in."""
    targets: list[Path]
    """One for each file of the version, in its order."""
    is_single: bool
    """One file, without a folder of its own."""


def place(files: Sequence[PlannedFile], to: Path) -> Placement:
    """Return where a download to `to` puts each file. Blocking.

    One file without a folder in its path becomes `to` itself, unless that is a folder.
    Raises UnsafePathError for a path that would lead out of `to`, DestinationError where a file
    could not be put at its place.
    """
    for file in files:
        try:
            check_file_path(file.path)
        except ValueError as error:
            raise UnsafePathError(f"{file.path!r} {error}") from error
    single = len(files) == 1 and "/" not in files[0].path
    with writing(to):
        if single and not to.is_dir():
            _check_free(to)
            return Placement(to, to.parent, [to], single)
        targets = [to / file.path for file in files]
        for target in targets:
            # A link that somebody left in the folder could lead elsewhere.
            if not _real(target).is_relative_to(_real(to)):
                raise UnsafePathError(f"{target} leads out of {to}")
    for target in targets:
        _check_free(target)
    return Placement(targets[0] if single else to, to, targets, single)


def _check_free(target: Path) -> None:
    """Find out before anything is fetched whether a file can have this name."""
    with writing(target):
        try:
            found = target.lstat()
        except FileNotFoundError:
            return
    if stat.S_ISDIR(found.st_mode):
        raise DestinationError(f"cannot write {target}: a folder is there")


def _real(path: Path) -> Path:
    # Unlike Path.resolve, this leaves links that form a loop alone: opening them tells of it.
    return Path(os.path.realpath(path))
