"""Reads what the cache has, and tells what is not what was verified when it came."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from registry.cache.entries import CachedFile, Entry
from registry.cache.layout import sha256_of, size_of
from registry.cache.store import Store, is_same
from registry.schemas.base import Answer
from registry.transfer.progress import Meter, Progress

Problem = Literal["changed", "missing"]


class Damage(Answer):
    """A file of the cache that is not what was verified."""

    registry: str
    model: str
    number: int
    path: str
    problem: Problem
    """changed: it has other bytes; missing: it is not there."""
    mended: bool = False
    """It was fetched again."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A damaged file, and what is needed to mend it."""

    entry: Entry
    file: CachedFile
    problem: Problem
    is_in_blob: bool
    """The bytes are damaged that all versions share; else this version's name for them alone."""

    @property
    def told(self) -> Damage:
        """Return what people are told of it."""
        return Damage(
            registry=self.entry.registry,
            model=self.entry.model,
            number=self.entry.number,
            path=self.file.path,
            problem=self.problem,
        )


def find_damages(store: Store, progress: Progress | None = None) -> list[Damaged]:
    """Read every file once, and return the damaged ones; what is evicted meanwhile is none.

    `progress` is called with the bytes that were read and those that there are to read.
    """
    found: list[Damaged] = []
    entries = [entry for entry, _ in store.all()]
    entries.sort(key=lambda each: (each.registry, each.model, each.number))
    judge = _Judge(Meter(_bytes_to_read(store, entries) if progress else 0, progress))
    for entry in entries:
        for file in entry.files:
            if store.complete(entry.key) is None or file.sha256 is None:
                break
            blob, target = _places(store, entry, file, file.sha256)
            of_blob = judge.problem_of(blob, file.sha256)
            problem = of_blob
            if problem is None and not is_same(blob, target):
                problem = judge.problem_of(target, file.sha256)
            if problem is not None and store.complete(entry.key) is not None:
                found.append(Damaged(entry, file, problem, of_blob is not None))
    return found


class _Judge:
    """Reads each file once, however many versions have it."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._judged: dict[Path, Problem | None] = {}

    def problem_of(self, path: Path, sha256: str) -> Problem | None:
        """Return what is wrong with a file that is to have these bytes."""
        if path not in self._judged:
            try:
                is_as_it_was = sha256_of(path, self._meter.add) == sha256
                self._judged[path] = None if is_as_it_was else "changed"
            except FileNotFoundError:
                self._judged[path] = "missing"
        return self._judged[path]


def _places(store: Store, entry: Entry, file: CachedFile, sha256: str) -> tuple[Path, Path]:
    """Return where the bytes are that versions share, and the name that a version has for them."""
    return store.blob(entry, sha256), store.folder / entry.folder / file.path


def _bytes_to_read(store: Store, entries: Sequence[Entry]) -> int:
    sizes: dict[Path, int] = {}
    for entry in entries:
        for file in entry.files:
            if file.sha256 is not None:
                blob, target = _places(store, entry, file, file.sha256)
                sizes[blob] = size_of(blob) or 0
                if not is_same(blob, target):
                    sizes[target] = size_of(target) or 0
    return sum(sizes.values())
