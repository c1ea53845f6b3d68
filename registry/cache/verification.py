"""Reads what the cache has, and tells what is not what was verified when it came."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from registry.cache.entries import CachedFile, Entry
from registry.cache.layout import sha256_of
from registry.cache.store import Store, is_same
from registry.schemas.base import Answer

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


def find_damages(store: Store) -> list[Damaged]:
    """Read every file once, and return the damaged ones; what is evicted meanwhile is none."""
    found: list[Damaged] = []
    judged: dict[Path, Problem | None] = {}
    entries = [entry for entry, _ in store.all()]
    for entry in sorted(entries, key=lambda each: (each.registry, each.model, each.number)):
        for file in entry.files:
            if store.complete(entry.key) is None or file.sha256 is None:
                break
            blob, target = store.blob(entry, file.sha256), store.folder / entry.folder / file.path
            of_blob = _judge(blob, file.sha256, judged)
            problem = of_blob
            if problem is None and not is_same(blob, target):
                problem = _judge(target, file.sha256, judged)
            if problem is not None and store.complete(entry.key) is not None:
                found.append(Damaged(entry, file, problem, of_blob is not None))
    return found


def _judge(path: Path, sha256: str, judged: dict[Path, Problem | None]) -> Problem | None:
    if path not in judged:
        try:
            judged[path] = None if sha256_of(path) == sha256 else "changed"
        except FileNotFoundError:
            judged[path] = "missing"
    return judged[path]
