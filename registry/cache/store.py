"""What the cache does in one step each, under its lock. All calls block, for milliseconds.

Nothing is served that is not whole: a version's folder gets its name when all of its files are
there, and a process that uses it has said so before it is told the place.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from registry._folders import sync_folder
from registry.cache import pins
from registry.cache.documents import Documents
from registry.cache.entries import Entry, whole_of
from registry.cache.eviction import Holding, choose
from registry.cache.layout import READ_ONLY, link, size_below, size_of, write_document
from registry.errors import CacheFullError

TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Downloaded models; `registry cache prune` removes them. See https://bford.info/cachedir/\n"
)


class Store(Documents):
    """Puts versions into a cache, says which are in use, and lets others go."""

    def begin(self, entry: Entry) -> Path | Entry:
        """Use an entry: returns its folder, or the entry where files of it have to be fetched.

        In either case it stays until `release`, or until this process ends. Raises CacheFullError
        where its files have no room beside what is in use.
        """
        with self.locked():
            tag = self.folder / "CACHEDIR.TAG"  # backup programs pass the folder over
            if not tag.exists():
                tag.write_text(TAG, encoding="ascii")
            for key in dict.fromkeys((whole_of(entry), entry.key)):
                if (found := self.usable(key)) is not None:
                    return self.use(found)
            entry = self._merged(entry)
            write_document(self.layout.entry(entry.key), entry)
            pins.pin(self.layout.pins, entry.key)
            try:
                self._make_room(entry)
            except BaseException:
                pins.unpin(self.layout.pins, entry.key)
                if self._is_empty(entry) and entry.key not in pins.pinned(self.layout.pins):
                    self.drop(entry)
                raise
        self.layout.empty_trash()
        return entry

    def _merged(self, entry: Entry) -> Entry:
        """Return the entry with what an earlier fetch of it found out."""
        known = self.read(self.layout.entry(entry.key))
        if known is None:
            return entry
        digests = {(file.path, file.size_bytes): file.sha256 for file in known.files}
        files = [
            file.model_copy(
                update={"sha256": file.sha256 or digests.get((file.path, file.size_bytes))}
            )
            for file in entry.files
        ]
        return entry.model_copy(update={"files": files, "is_damaged": known.is_damaged})

    def found(self, entry: Entry) -> Path | None:
        """Return the folder of an entry that is in use already, if somebody has completed it."""
        with self.locked():
            found = self.usable(entry.key)
            return None if found is None else self.folder / found.folder

    def missing(self, entry: Entry) -> list[str]:
        """Return the paths of the files whose bytes are not there."""
        return [
            file.path
            for file in entry.files
            if file.sha256 is None or not self.has(entry, file.sha256, file.size_bytes)
        ]

    def place(self, entry: Entry, arrived: Mapping[str, Path]) -> list[str]:
        """Let an entry be there, made of bytes that are and of files that arrived, all verified.

        Returns the paths of files that are neither; then nothing has changed but that those that
        arrived are kept. Each file's SHA-256 must be known. What the folder already has is
        replaced file by file: it is never gone.
        """
        with self.locked():
            for file in entry.files:
                source = arrived.get(file.path)
                if source is not None and not self.has(entry, file.sha256, file.size_bytes):
                    blob = self.blob(entry, file.sha256)
                    blob.parent.mkdir(parents=True, exist_ok=True)
                    source.chmod(READ_ONLY)
                    source.replace(blob)
            if missing := self.missing(entry):
                write_document(self.layout.entry(entry.key), entry)  # it needs those that arrived
                return missing
            self._fill(entry)
        return []

    def _fill(self, entry: Entry) -> None:
        final = self.folder / entry.folder
        made = final if final.exists() else self.layout.incoming(entry.key) / "folder"
        if made != final:
            self.layout.discard(made)
        copied = 0
        for file in entry.files:
            blob, target = self.blob(entry, file.sha256), made / file.path
            if not is_same(blob, target) and link(blob, target, final / file.path):
                copied += file.size_bytes
        # The document first: who is killed in between leaves an entry without a folder.
        whole = entry.model_copy(update={"copied_bytes": copied, "is_damaged": False})
        write_document(self.layout.entry(entry.key), whole)
        if made == final:
            return
        for place, _, _ in os.walk(made):
            sync_folder(Path(place))
        final.parent.mkdir(parents=True, exist_ok=True)
        made.replace(final)
        sync_folder(final.parent)

    def release(self, key: str) -> None:
        """Take back that this process uses an entry."""
        with self.locked():
            pins.unpin(self.layout.pins, key)

    def evict(self, limit_bytes: int, *, in_part: bool = True) -> tuple[list[Entry], int]:
        """Remove what was not used for the longest time; the caller has the lock.

        Returns what was removed, and the bytes that are left. Without `in_part` nothing is removed
        where that would not be enough.
        """
        used = pins.pinned(self.layout.pins)
        blobs = {str(path): size for path in self.layout.blobs() if (size := size_of(path))}
        entries = {entry.key: (entry, at) for entry, at in self.all()}
        for entry, _ in list(entries.values()):
            if entry.key not in used and self._is_empty(entry):
                self.drop(entries.pop(entry.key)[0])
        for folder in self.layout.all_incoming():  # whoever completed it was killed before its end
            is_over = folder.name not in entries or self.complete(folder.name) is not None
            if folder.name not in used and is_over:
                self.layout.discard(folder)
        holdings = [self._holding(entry, at, used, blobs) for entry, at in entries.values()]
        keys, left = choose(holdings, blobs, limit_bytes)
        if left > limit_bytes and not in_part:
            return [], left
        kept = {name for each in holdings if each.key not in keys for name in each.blobs}
        for key in keys:
            self.drop(entries[key][0])
        for name in blobs.keys() - kept:
            self.layout.discard(Path(name))
        return [entries[key][0] for key in keys], left

    def _is_empty(self, entry: Entry) -> bool:
        """Whether nothing came of a fetch, not even a part."""
        is_there = (self.folder / entry.folder).exists()
        return not is_there and not size_below(self.layout.incoming(entry.key))

    def _make_room(self, entry: Entry) -> None:
        _, left = self.evict(self.limit_bytes, in_part=False)
        if left > self.limit_bytes:
            needed = sum(f.size_bytes for f in entry.files if f.path in self.missing(entry))
            raise CacheFullError(
                f"{entry.name} needs {needed} bytes more in {self.folder}, which may hold"
                f" {self.limit_bytes}, and {left - needed} are in use: release what is not needed,"
                " or raise REGISTRY_CACHE_BYTES"
            )

    def _holding(
        self, entry: Entry, used_at: float, used: set[str], blobs: Mapping[str, int]
    ) -> Holding:
        known = {f.path: str(self.blob(entry, f.sha256)) for f in entry.files if f.sha256}
        names = frozenset(name for name in known.values() if name in blobs)
        own = entry.copied_bytes
        if not (self.folder / entry.folder).is_dir():
            if entry.key in used:  # it is being fetched: the room is taken beforehand
                absent = (f for f in entry.files if known.get(f.path) not in names)
                own += sum(file.size_bytes for file in absent)
            else:
                own += size_below(self.layout.incoming(entry.key))
        return Holding(entry.key, used_at, entry.key in used, names, own)

    def use(self, entry: Entry) -> Path:
        """Say that this process uses an entry, and that it was used now."""
        pins.pin(self.layout.pins, entry.key)
        os.utime(self.layout.entry(entry.key))
        return self.folder / entry.folder


def is_same(blob: Path, target: Path) -> bool:
    """Return whether a file of a version is a link to these bytes."""
    try:
        return blob.samefile(target)
    except OSError:
        return False
