"""The cache of versions on this machine, as programs and `registry cache` use it.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = Cache(folder, limit_bytes=1_000_000)
    ...     cache.versions(), cache.prune().size_bytes
    ([], 0)
"""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, ValidationError

from registry._refs import Ref, spell
from registry.cache import pins
from registry.cache.entries import CachedVersion, Entry, ref_key
from registry.cache.layout import size_below, write_document
from registry.cache.store import Store
from registry.cache.verification import Damage, Damaged, find_damages
from registry.errors import NotCachedError
from registry.schemas import Version
from registry.schemas.base import Answer
from registry.transfer.progress import Progress


class Pruned(Answer):
    """What was removed from the cache, and what is left."""

    removed: list[CachedVersion] = Field(default_factory=list[CachedVersion])
    freed_bytes: int
    size_bytes: int
    """What is left."""
    limit_bytes: int


class _Remembered(Answer):
    """Which version a reference named."""

    registry: str
    model: str
    version: str
    number: int
    version_id: str


class Cache(Store):
    """A cache in a folder, shared by all processes of a user and bounded in size.

    Args:
        folder: where it is; None: REGISTRY_CACHE, else the usual place of the user's caches.
        limit_bytes: how much it may hold; None: REGISTRY_CACHE_BYTES, else 64 GiB.
    """

    def versions(self) -> list[CachedVersion]:
        """Return what the cache has, what was used last first."""
        with self.locked():
            used = pins.pinned(self.layout.pins)
            found = sorted(self.all(), key=lambda each: -each[1])
        return [self._told(entry, at, used) for entry, at in found]

    def release_folder(self, folder: str | os.PathLike[str]) -> None:
        """Say that this process no longer uses a folder that it was given."""
        place = Path(folder).absolute()
        for entry, _ in self.all():
            if self.folder / entry.folder == place:
                self.release(entry.key)
                return

    def recall(self, registry: str, ref: Ref, patterns: list[str] | None = None) -> Path:
        """Return the folder of a version without asking the registry; raises NotCachedError.

        A number or a label is looked for in what is there; an alias, or `latest`, is the version
        that it named when somebody asked last.
        """
        wanted = sorted(set(patterns or ()))
        with self._reading():
            named = self._remembered(registry, ref)
            for entry, _ in sorted(self.all(), key=lambda each: each[0].patterns):
                if (entry.registry, entry.model) != (registry, ref.model):
                    continue
                if entry.patterns not in ([], wanted):
                    continue
                if named is not None:
                    is_it = entry.version_id == named.version_id
                else:
                    is_it = ref.version in (str(entry.number), entry.label)
                if is_it and self.usable(entry.key) is not None:
                    return self.use(entry) if self._is_writable() else self.folder / entry.folder
        known = f", which was version {named.number} when it was last asked for," if named else ""
        raise NotCachedError(
            f"{spell(ref.model, ref.version)} of {registry}{known} is not in {self.folder}, and"
            " the registry is not asked: offline"
        )

    def remember(self, registry: str, ref: Ref, version: Version) -> None:
        """Remember which version a reference names now."""
        found = _Remembered(
            registry=registry,
            model=ref.model,
            version=ref.version,
            number=version.number,
            version_id=version.id,
        )
        if self._remembered(registry, ref) != found:
            with self.locked():
                key = ref_key(registry, ref.model, ref.version)
                write_document(self.layout.ref(key), found)

    def verify(self, *, remove: bool = True, progress: Progress | None = None) -> list[Damage]:
        """Read everything, and return which files are not what was verified.

        Unless `remove` is False, versions that have one are removed with the damaged bytes: the
        next fetch gets them anew. It may run beside others. `progress` is called with the bytes
        that were read and those that there are to read.
        """
        damages = find_damages(self, progress)
        if remove:
            self.set_aside(damages, drop=True)
        return [each.told for each in damages]

    def set_aside(self, damages: Sequence[Damaged], *, drop: bool) -> None:
        """Take damaged bytes away, and with `drop` the versions that have them.

        Without, those keep their folders and are fetched again before anybody gets them.
        """
        with self.locked():
            for each in damages:
                if each.is_in_blob:
                    self.layout.discard(self.blob(each.entry, each.file.sha256))
                entry = self.read(self.layout.entry(each.entry.key))
                if entry is not None and drop:
                    self.drop(entry)
                elif entry is not None:
                    marked = entry.model_copy(update={"is_damaged": True})
                    write_document(self.layout.entry(entry.key), marked)
        self.layout.empty_trash()

    def prune(self, limit_bytes: int | None = None) -> Pruned:
        """Remove what was not used for the longest time until so much is left; None: the limit.

        What a process uses stays, and so do the bytes that it needs. Forgotten aliases go as well.
        """
        before = self._size()
        with self.locked():
            told = {entry.key: at for entry, at in self.all()}
            gone, _ = self.evict(self.limit_bytes if limit_bytes is None else limit_bytes)
            ids = {entry.version_id for entry, _ in self.all()}
            for path in self.layout.refs():
                named = _read_ref(path)
                if named is None or named.version_id not in ids:
                    path.unlink(missing_ok=True)
            for path in self.layout.left_behind():
                path.unlink(missing_ok=True)
        self.layout.empty_trash()
        return Pruned(
            removed=[self._told(entry, told[entry.key], set()) for entry in gone],
            freed_bytes=max(0, before - (after := self._size())),
            size_bytes=after,
            limit_bytes=self.limit_bytes,
        )

    def _size(self) -> int:
        return size_below(self.folder / "blobs") + size_below(self.folder / "incoming")

    def _told(self, entry: Entry, used_at: float, used: set[str]) -> CachedVersion:
        is_there = (self.folder / entry.folder).is_dir()
        return CachedVersion(
            registry=entry.registry,
            model=entry.model,
            number=entry.number,
            label=entry.label,
            files=len(entry.files),
            patterns=entry.patterns,
            size_bytes=entry.size_bytes,
            state="complete" if is_there else "partial",
            in_use=entry.key in used,
            used_at=datetime.fromtimestamp(used_at, UTC),
            folder=str(self.folder / entry.folder),
        )

    def _remembered(self, registry: str, ref: Ref) -> _Remembered | None:
        return _read_ref(self.layout.ref(ref_key(registry, ref.model, ref.version)))

    @contextmanager
    def _reading(self) -> Generator[None]:
        """Have the cache to oneself; one that cannot be written, as in an image, changes not."""
        if self._is_writable():
            with self.locked():
                yield
        else:
            yield

    def _is_writable(self) -> bool:
        return not self.folder.exists() or os.access(self.folder, os.W_OK)


def _read_ref(path: Path) -> _Remembered | None:
    try:
        return _Remembered.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
