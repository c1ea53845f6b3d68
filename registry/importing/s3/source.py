"""A bucket as a source: `MODEL/VERSION/files` below a prefix, as `registry export` lays it out."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from registry.importing.layout import (
    MAX_TOLD_BYTES,
    MODEL_FILE,
    ToldModel,
    ToldVersion,
    found_model,
    parse_told,
    version_order,
    with_told,
)
from registry.importing.s3.bucket import Bucket, Listed
from registry.importing.sources import FoundModel, FoundVersion, ImportRefused, require_path
from registry.schemas.uploads import MAX_FILES
from registry.transfer.download.placement import writing

MOST_VERSIONS = 100_000
"""Of one model; their names are in memory, since numbers have another order than keys."""


@dataclass(frozen=True, slots=True)
class BucketSource:
    """The models below one prefix of a bucket."""

    bucket: Bucket
    called: str
    """What versions are found again by."""

    async def models(self) -> AsyncIterator[FoundModel]:
        """Yield the models, in order of their names; raises SourceError and UnavailableError."""
        pages = self.bucket.folders("")
        while (names := await asyncio.to_thread(next, pages, None)) is not None:
            for name in names:
                yield await asyncio.to_thread(found_model, name, partial(self._told_model, name))

    async def versions(self, model: FoundModel) -> AsyncIterator[FoundVersion]:
        """Yield the versions: numbers in their order, then labels."""
        below = f"{model.name}/"
        for name in sorted(await asyncio.to_thread(self._versions, below), key=version_order):
            place = f"{below}{name}/"
            yield FoundVersion(model.name, name, f"s3 {self.called} {below}{name}", place)

    async def described(self, version: FoundVersion) -> FoundVersion:
        """Return the version with what the object beside its files says."""
        name = f"{version.place.rstrip('/')}.json"
        raw = await asyncio.to_thread(self.bucket.small, name, MAX_TOLD_BYTES)
        return with_told(version, parse_told(raw, ToldVersion, f"{self.bucket.address}{name}"))

    async def fetch(self, version: FoundVersion, folder: Path) -> Path:
        """Have the version's files in `folder`; raises ImportRefused for keys that are no paths."""
        for path, listed in (await asyncio.to_thread(self._files, version.place)).items():
            await asyncio.to_thread(self._fetch, listed, folder / path)
        return folder

    def _told_model(self, name: str) -> ToldModel:
        file = f"{name}/{MODEL_FILE}"
        raw = self.bucket.small(file, MAX_TOLD_BYTES)
        return parse_told(raw, ToldModel, f"{self.bucket.address}{file}")

    def _versions(self, below: str) -> list[str]:
        found: list[str] = []
        for names in self.bucket.folders(below):
            found += names
            if len(found) > MOST_VERSIONS:
                raise ImportRefused(f"it has more than {MOST_VERSIONS} versions")
        return found

    def _files(self, place: str) -> dict[str, Listed]:
        """Return the objects of a version by their paths, which are a folder's."""
        start = len(self.bucket.key(place))
        found: dict[str, Listed] = {}
        for listed in self.bucket.objects(place):
            path = listed.key[start:]
            require_path(path)
            found[path] = listed
            if len(found) > MAX_FILES:
                raise ImportRefused(f"it has more than {MAX_FILES} files")
        for path in found:
            for parent in PurePosixPath(path).parents:
                if str(parent) in found:
                    raise ImportRefused(f"{str(parent)!r} is a file, and a folder of {path!r}")
        return found

    def _fetch(self, listed: Listed, target: Path) -> None:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                raise ImportRefused(f"the disk here takes {listed.key!r} and another file for one")
            self.bucket.fetch(listed, target)
