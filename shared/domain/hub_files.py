"""Files of a version as clients of Hugging Face see them: their identity, and folders of them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from registry.schemas import Artifact

_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
"""What git keeps of a file that lies elsewhere: https://github.com/git-lfs/git-lfs, docs/spec.md"""
_BLOB_ID_DIGITS = 40


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file as these clients identify it."""

    path: str
    size_bytes: int
    blob_id: str
    """40 hex digits; git's id of the pointer to the file where its SHA-256 is verified."""
    sha256: str | None
    """None until it is verified: what only its uploader says of it is not told."""
    pointer_bytes: int
    """Size of that pointer."""

    @property
    def entity_tag(self) -> str:
        """What a client keeps the file by: 64 hex digits would be taken for its SHA-256."""
        return self.sha256 or self.blob_id


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file, or a folder, below some folder."""

    kind: Literal["file", "directory"]
    path: str


def hub_file(artifact: Artifact) -> HubFile:
    """Return how an artifact is told of."""
    sha256 = artifact.sha256 if artifact.sha256_state == "verified" else None
    pointer = _POINTER.format(sha256 or "0" * 64, artifact.size_bytes).encode()
    if sha256 is not None:
        content = f"blob {len(pointer)}\0".encode() + pointer
        blob_id = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    else:
        stored = (artifact.location or artifact.key, artifact.object_version, artifact.etag)
        blob_id = derived_id(*stored, artifact.size_bytes)
    return HubFile(artifact.path, artifact.size_bytes, blob_id, sha256, len(pointer))


def derived_id(*said: object) -> str:
    """Return 40 hex digits that stand for these values."""
    return hashlib.sha256(repr(said).encode()).hexdigest()[:_BLOB_ID_DIGITS]


def tree_of(paths: Iterable[str], folder: str, *, is_recursive: bool) -> list[TreeEntry]:
    """Return what lies below a folder, in the order of the paths; "": the root.

    With `is_recursive` every file and folder at any depth, else those in the folder itself. Empty
    where there is no such folder.
    """
    beginning = f"{folder}/" if folder else ""
    found: dict[str, TreeEntry] = {}
    for path in paths:
        if not path.startswith(beginning):
            continue
        parts = path[len(beginning) :].split("/")
        within = beginning
        for part in parts[:-1] if is_recursive else parts[:-1][:1]:
            found[within + part] = TreeEntry("directory", within + part)
            within += f"{part}/"
        if is_recursive or len(parts) == 1:
            found[path] = TreeEntry("file", path)
    return [found[path] for path in sorted(found)]
