"""Where models are brought in from: what an importing run needs to know of them."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from registry.schemas.names import check_file_path


class ImportRefused(Exception):
    """A model, version or alias cannot be brought in as it is; the others are."""


def require_path(path: str) -> None:
    """Raise ImportRefused for what is no path of a version's file."""
    try:
        check_file_path(path)
    except ValueError as error:
        raise ImportRefused(f"the file name {path!r} {error}") from None


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model at the source; entries have the names that they are to have here."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    aliases: Mapping[str, str | int] = field(default_factory=dict[str, "str | int"])
    """Version by alias."""
    problem: str = ""
    """Why it cannot be brought in; the others are."""


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version at the source."""

    model: str
    """Name of its model there."""
    version: str | int
    """Number, or label, which it keeps, as the source names it: it may be neither."""
    identity: str
    """Tells it from any other version of any source, for ever: it is found again by this."""
    place: str = ""
    """Where its files are, as the source names that."""
    description: str = ""
    framework: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    parameters: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    properties: Mapping[str, JsonValue] = field(default_factory=dict[str, "JsonValue"])
    run_id: str = ""


class ModelSource(Protocol):
    """A place that models are brought in from."""

    def models(self) -> AsyncIterator[FoundModel]:
        """Yield the models, each once."""
        ...

    def versions(self, model: FoundModel) -> AsyncIterator[FoundVersion]:
        """Yield the versions of a model, the oldest first, without what is asked for each."""
        ...

    async def described(self, version: FoundVersion) -> FoundVersion:
        """Return a version with all that is known of it, such as its run's metrics."""
        ...

    async def fetch(self, version: FoundVersion, folder: Path) -> Path:
        """Have a version's files on this machine and return the folder that they lie in.

        `folder` is an empty one for what has to be fetched. Raises ImportRefused where that cannot
        be done, and UnavailableError.
        """
        ...
