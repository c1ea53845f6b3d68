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
def prepared(folder: Path) -> Generator[Prepared]:
    """Return the folder without its empty files; it stays as it is.

    Where it has some, the others are linked, or else copied, into a folder beside them. Raises
    SourceError where it cannot be read.
    """
    try:
        empty = sorted(_empty_files(folder))
    except OSError as error:
        raise SourceError(f"cannot read {folder}: {error.strerror}") from error
    if not empty:
        yield Prepared(folder, ())
        return
    with tempfile.TemporaryDirectory(prefix="registry-") as made:
        whole = Path(made) / "files"
        shutil.copytree(folder, whole, copy_function=_link_or_copy)
        for path in empty:
            (whole / path).unlink()
        yield Prepared(whole, empty)


def _empty_files(folder: Path) -> Generator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size == 0:
            yield path.relative_to(folder).as_posix()


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one that knows no links
        shutil.copy2(source, target)
