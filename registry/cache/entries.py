"""What the cache keeps of a version: a document beside its folder, and what lists tell of it."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field

from registry.errors import NotFoundError, UnsafePathError, VersionNotReadyError
from registry.schemas import Version
from registry.schemas.base import Answer
from registry.schemas.names import check_file_path

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\Z")


class CachedFile(Answer):
    """A file of a version."""

    path: str
    size_bytes: int
    sha256: str | None = None
    """Lower-case hex; None until it is found out, of files whose parts alone were verified."""


class Entry(Answer):
    """One version in the cache, or those files of it that somebody asked for. Times are UTC."""

    key: str
    """Names it in the cache."""
    registry: str
    """Address that it was fetched from."""
    model: str
    number: int
    label: str | None = None
    version_id: str
    patterns: list[str] = Field(default_factory=list[str])
    """What its files were chosen by; empty: it has all of them."""
    files: list[CachedFile]
    folder: str
    """Where its files lie, below the cache's folder."""
    copied_bytes: int = 0
    """Of files that could not be linked, and take their room twice."""
    is_damaged: bool = False
    """A file of it is not what was verified: it is fetched again before anybody gets it."""
    fetched_at: datetime

    @property
    def size_bytes(self) -> int:
        """Return the bytes of its files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return f"{self.model} version {self.number}"


class CachedVersion(Answer):
    """One version in the cache, as lists tell of it. Times are UTC."""

    registry: str
    model: str
    number: int
    label: str | None = None
    files: int
    """How many it has."""
    patterns: list[str] = Field(default_factory=list[str])
    """What its files were chosen by; empty: it has all of them."""
    size_bytes: int
    """Of its files; bytes that versions share take their room once."""
    state: Literal["complete", "partial"]
    """partial: a fetch of it was interrupted; the next one continues."""
    in_use: bool
    """A process that runs has asked for it."""
    used_at: datetime
    """When somebody asked for it last."""
    folder: str


def entry_of(
    registry: str, version: Version, patterns: Sequence[str] | None, now: datetime
) -> Entry:
    """Return the entry of a version, or of those of its files that a pattern matches.

    Raises VersionNotReadyError, NotFoundError where no file matches, and UnsafePathError.
    """
    if version.state != "ready":
        raise VersionNotReadyError(
            f"version {version.number} of model {version.model!r} is {version.state}",
            code="version_not_ready",
            status=409,
        )
    chosen = sorted(set(patterns or ()))
    files = [
        CachedFile(
            path=file.path,
            size_bytes=file.size_bytes,
            sha256=file.sha256 if file.sha256_state == "verified" else None,
        )
        for file in version.artifacts
        if not chosen or any(fnmatchcase(file.path, pattern) for pattern in chosen)
    ]
    if not files:
        told = f"no file of {version.model} version {version.number} matches {', '.join(chosen)}"
        raise NotFoundError(told, code="file_not_found", status=404)
    for file in files:
        try:
            check_file_path(file.path)
        except ValueError as error:
            raise UnsafePathError(f"{file.path!r} {error}") from error
    part = f"-{_hash(*chosen)[:8]}" if chosen else ""
    name = f"{version.number}-{_hash(version.id)[:8]}{part}"
    return Entry(
        key=_hash(registry, version.model, str(version.number), version.id, *chosen)[:32],
        registry=registry,
        model=version.model,
        number=version.number,
        label=version.label,
        version_id=version.id,
        patterns=chosen,
        files=files,
        folder=str(PurePosixPath("versions", registry_slug(registry), slug(version.model), name)),
        fetched_at=now,
    )


def whole_of(entry: Entry) -> str:
    """Return the key of the entry that has all files of the same version."""
    return _hash(entry.registry, entry.model, str(entry.number), entry.version_id)[:32]


def ref_key(registry: str, model: str, version: str) -> str:
    """Return what names a remembered reference."""
    return _hash(registry, model, version)[:32]


def registry_key(registry: str) -> str:
    """Return what names a registry's bytes: those of one are never taken for another's."""
    return _hash(registry)[:16]


def registry_slug(registry: str) -> str:
    """Return the name of a registry's folder.

    >>> registry_slug("http://localhost:8000")
    'localhost_8000-0121783a'
    """
    host = re.sub(r"[^A-Za-z0-9.-]+", "_", registry.partition("://")[2])[:60].strip("._-")
    return f"{host or 'registry'}-{_hash(registry)[:8]}"


def slug(name: str) -> str:
    """Return a model's name as the name of a folder, whatever rule it was given under."""
    if _PLAIN.match(name) and ".." not in name:
        return name
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}-{_hash(name)[:16]}"


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode(errors="surrogatepass")).hexdigest()
