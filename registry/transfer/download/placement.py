"""Where the files of a version go on this machine."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from registry.errors import DestinationError, UnsafePathError
from registry.schemas import Download
from registry.schemas.names import check_file_path


@contextmanager
def writing(target: Path) -> Generator[None]:
    """Turn what the file system refuses into DestinationError."""
    try:
        yield
    except OSError as error:
        raise DestinationError(f"cannot write {target}: {error.strerror or error}") from error


def place(files: Sequence[Download], to: Path) -> tuple[Path, list[Path]]:
    """Return the file or folder that a download makes, and the path of each artifact. Blocking.

    One artifact without a folder in its path becomes `to` itself, unless that is a folder.
    Raises UnsafePathError for a path that would lead out of `to`, DestinationError where `to`
    cannot be looked at.
    """
    for file in files:
        try:
            check_file_path(file.path)
        except ValueError as error:
            raise UnsafePathError(f"{file.path!r} {error}") from error
    single = len(files) == 1 and "/" not in files[0].path
    with writing(to):
        if single and not to.is_dir():
            return to, [to]
        targets = [to / file.path for file in files]
        for target in targets:
            # A link that somebody left in the folder could lead elsewhere.
            if not _real(target).is_relative_to(_real(to)):
                raise UnsafePathError(f"{target} leads out of {to}")
    return (targets[0] if single else to), targets


def _real(path: Path) -> Path:
    # Unlike Path.resolve, this leaves links that form a loop alone: opening them tells of it.
    return Path(os.path.realpath(path))
