"""Commits as Hugging Face clients make them: what one changes of a version's files, without I/O."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from shared.domain.errors import NotFound

MAIN = "main"
"""The branch that is every model's line of versions; all others are aliases."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Added:
    """A file that has these bytes now."""

    path: str
    sha256: str
    """Hex."""
    size_bytes: int | None
    """None: whoever has the bytes knows."""
    content: bytes | None = None
    """The bytes of a small file, which came with the commit."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """A file, or all files of a folder, that the version has no more."""

    path: str
    is_folder: bool = False


Operation: TypeAlias = Added | Deleted


@dataclass(frozen=True, slots=True)
class Commit:
    """What a client asks for."""

    summary: str
    description: str
    parent: str | None
    """Commit id that the branch must be at; None: wherever it is."""
    operations: Sequence[Operation]

    @property
    def digest(self) -> str:
        """Equal for commits that change the same: one that is sent again is found by it."""
        told = [
            [each.path, each.sha256] if isinstance(each, Added) else [each.path, each.is_folder]
            for each in self.operations
        ]
        text = json.dumps([self.summary, self.description, self.parent, told])
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def files_after(before: Mapping[str, T], operations: Sequence[Operation]) -> dict[str, T | Added]:
    """Return by path what a version has after the operations, one after the other.

    Raises NotFound for a deletion of what is not there.
    """
    files: dict[str, T | Added] = dict(before)
    for operation in operations:
        if isinstance(operation, Added):
            files[operation.path] = operation
            continue
        gone = list(_named(files, operation))
        if not gone:
            what = "folder" if operation.is_folder else "file"
            detail = f"A {what} with this name doesn't exist: {operation.path!r}"
            raise NotFound("file_not_found", detail)
        for path in gone:
            del files[path]
    return files


def _named(files: Mapping[str, object], deletion: Deleted) -> Iterator[str]:
    if not deletion.is_folder:
        if deletion.path in files:
            yield deletion.path
        return
    folder = f"{deletion.path}/" if deletion.path else ""
    yield from (path for path in files if path.startswith(folder))
