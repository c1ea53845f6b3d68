"""A folder as a source: `MODEL/VERSION/files`, as `registry export` lays it out."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from registry.errors import SourceError
from registry.importing.layout import (
    MODEL_FILE,
    ToldModel,
    ToldVersion,
    found_model,
    read_told,
    version_order,
    with_told,
)
from registry.importing.sources import FoundModel, FoundVersion


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The models in one folder."""

    root: Path
    called: str = ""
    """What versions are found again by, where the folder may move; else its path."""

    async def models(self) -> AsyncIterator[FoundModel]:
        """Yield the models, in order of their names; raises SourceError."""
        for folder in await asyncio.to_thread(_folders, self.root):
            read = partial(read_told, folder / MODEL_FILE, ToldModel)
            yield await asyncio.to_thread(found_model, folder.name, read)

    async def versions(self, model: FoundModel) -> AsyncIterator[FoundVersion]:
        """Yield the versions: numbers in their order, then labels."""
        found = await asyncio.to_thread(_folders, self.root / model.name)
        for folder in sorted(found, key=lambda each: version_order(each.name)):
            source = self.called or str(self.root.resolve())
            identity = f"dir {source} {model.name}/{folder.name}"
            yield FoundVersion(model.name, folder.name, identity, str(folder))

    async def described(self, version: FoundVersion) -> FoundVersion:
        """Return the version with what the file beside it says; raises SourceError."""
        folder = Path(version.place)
        file = folder.with_name(f"{folder.name}.json")
        return with_told(version, await asyncio.to_thread(read_told, file, ToldVersion))

    async def fetch(self, version: FoundVersion, folder: Path) -> Path:
        """Return the version's own folder: nothing has to be fetched."""
        return Path(version.place)


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
    except OSError as error:
        raise SourceError(f"cannot read {folder}: {error.strerror}") from error
