"""Folders whose files become a version. Everything here blocks: call it in a thread."""

import os
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from registry.errors import SourceError
from registry.schemas.mlflow import EMPTY_FILES
from registry.transfer.upload.sources import walk_folder


@dataclass(frozen=True, slots=True)
class Prepared:
    """A folder whose files can be uploaded."""

    folder: Path
    empty: Sequence[str]
    """Paths of the files without a byte, which are left out: a version has none."""

    @property
    def properties(self) -> Mapping[str, JsonValue]:
        """What is kept of the files that are left out."""
        return {EMPTY_FILES: list(self.empty)} if self.empty else {}


@contextmanager
def prepared(folder: Path, beside: Path | None = None) -> Generator[Prepared]:
    """Return the folder without its empty files; it stays as it is.

    Where it has some, the others are linked, or else copied, into a folder in `beside`, or in the
    system's one for temporary files. Raises SourceError where it cannot be read, and for a link
    that leads out of it.
    """
    try:
        files = {path: local.resolve(strict=True) for local, path in walk_folder(folder)}
        empty = sorted(path for path, local in files.items() if _is_empty(local))
    except OSError as error:
        raise SourceError(f"cannot read {folder}: {error.strerror}") from error
    if not empty:
        yield Prepared(folder, ())
        return
    with tempfile.TemporaryDirectory(prefix="registry-", dir=beside) as made:
        try:
            for path in files.keys() - set(empty):
                _link_or_copy(files[path], Path(made, path))
        except OSError as error:
            told = f"the files of {folder} cannot be copied to {made}: {error.strerror}"
            raise SourceError(told) from error
        yield Prepared(Path(made), empty)


def _is_empty(file: Path) -> bool:
    return file.is_file() and file.stat().st_size == 0


def _link_or_copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one that knows no links
        shutil.copy2(source, target)
