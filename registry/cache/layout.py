"""Where things lie below the cache's folder, and the few operations on files that all need.

entries/<key>.json          what is known of a version; used last when it was touched last
versions/…/<number>-<id>/   its files: links to blobs; there as a whole or not at all
blobs/<registry>/ab/<sha>   bytes, by their SHA-256; read-only
incoming/<key>/             a fetch under way, or interrupted: its lock, parts and files
refs/<key>.json             which version an alias named when somebody asked last
pins/                       what running processes use
trash/                      on its way out
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel

READ_BYTES = 1 << 20
READ_ONLY = 0o444


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one cache."""

    root: Path

    def entry(self, key: str) -> Path:
        """Return the place of an entry's document."""
        return self.root / "entries" / f"{key}.json"

    def entries(self) -> Iterator[Path]:
        """Yield the places of all documents of entries."""
        return iter(sorted((self.root / "entries").glob("*.json")))

    def ref(self, key: str) -> Path:
        """Return the place of a remembered reference."""
        return self.root / "refs" / f"{key}.json"

    def refs(self) -> Iterator[Path]:
        """Yield the places of all remembered references."""
        return iter(sorted((self.root / "refs").glob("*.json")))

    def left_behind(self) -> Iterator[Path]:
        """Yield documents that somebody was killed over while they were written."""
        return (path for folder in ("entries", "refs") for path in self._unnamed(folder))

    def _unnamed(self, folder: str) -> Iterator[Path]:
        return (self.root / folder).glob("*.json.*")

    def blob(self, registry_key: str, sha256: str) -> Path:
        """Return the place of some bytes."""
        return self.root / "blobs" / registry_key / sha256[:2] / sha256

    def blobs(self) -> Iterator[Path]:
        """Yield the places of all bytes."""
        return (self.root / "blobs").glob("*/??/*")

    def incoming(self, key: str) -> Path:
        """Return the folder in which an entry is fetched."""
        return self.root / "incoming" / key

    def all_incoming(self) -> Iterator[Path]:
        """Yield the folders of fetches that are under way, or were interrupted."""
        return iter(sorted((self.root / "incoming").glob("*")))

    @property
    def pins(self) -> Path:
        """Return the folder in which processes say what they use."""
        return self.root / "pins"

    def discard(self, path: Path) -> None:
        """Take a file or folder away in one step; `empty_trash` frees its room."""
        trash = self.root / "trash"
        trash.mkdir(parents=True, exist_ok=True)
        try:
            path.replace(trash / uuid4().hex)
        except FileNotFoundError:
            return

    def empty_trash(self) -> None:
        """Free the room of what was taken away; several processes may do so at once."""
        trash = self.root / "trash"
        for path in trash.iterdir() if trash.exists() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_document(path: Path, document: BaseModel) -> None:
    """Write a document in one step: who reads it finds the old one, or all of the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"{path.name}.{uuid4().hex}")
    written.write_text(document.model_dump_json(), encoding="utf-8")
    written.replace(path)


def size_of(path: Path) -> int | None:
    """Return a regular file's size; None where there is none."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def size_below(folder: Path) -> int:
    """Return the bytes of all files below a folder; those that go meanwhile do not count."""
    sizes = (size_of(Path(place, name)) for place, _, names in os.walk(folder) for name in names)
    return sum(size or 0 for size in sizes)


def sha256_of(path: Path, read: Callable[[int], None] | None = None) -> str:
    """Return the SHA-256 of a file; `read` is called with the bytes of each step."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(READ_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            if read is not None:
                read(count)
    return digest.hexdigest()


def link(blob: Path, target: Path, final: Path) -> bool:
    """Give bytes a further name: a hard link, else a symbolic one, else a copy.

    `final` is where the name will be once its folder has been moved to its place. Returns whether
    they had to be copied. What has the name already is replaced in one step.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    made, is_copy = target.with_name(f".{uuid4().hex}"), False
    try:
        os.link(blob, made)
    except OSError:
        try:
            made.symlink_to(os.path.relpath(blob, final.parent))
        except OSError:
            shutil.copyfile(blob, made)
            made.chmod(READ_ONLY)
            is_copy = True
    made.replace(target)
    made.unlink(missing_ok=True)  # POSIX leaves it where both names were the same file's
    return is_copy
