"""Models as folders: `MODEL/VERSION/files`, and beside the files what is said of them, as JSON.

`MODEL/_model.json` and `MODEL/VERSION.json` are written by an export, and may be missing.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.errors import SourceError
from registry.importing.sources import FoundModel, FoundVersion
from registry.schemas.metadata import VersionMetadata
from registry.schemas.mlflow import EMPTY_FILES

MODEL_FILE = "_model.json"
"""No version's name begins with the sign."""
MAX_TOLD_BYTES = 1024 * 1024
T = TypeVar("T", bound=BaseModel)


class ToldModel(BaseModel):
    """What is said of a model."""

    model_config = ConfigDict(extra="ignore")

    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict[str, str])
    aliases: dict[str, int | str] = Field(default_factory=dict[str, "int | str"])


class ToldVersion(VersionMetadata):
    """What is said of a version, and its digests for whoever wants to compare."""

    model_config = ConfigDict(extra="ignore")

    number: int | None = None
    label: str | None = None
    sha256: dict[str, str | None] = Field(default_factory=dict[str, "str | None"])


def version_order(name: str) -> tuple[int, str]:
    """Order folders of versions: numbers as they count, then labels."""
    is_number = name.isascii() and name.isdigit() and len(name) <= 10
    return (int(name) if is_number else 2**40, name)


def found_model(name: str, read: Callable[[], ToldModel]) -> FoundModel:
    """Return a model with what is said of it, or with why that cannot be read; blocking."""
    try:
        told = read()
    except SourceError as error:
        return FoundModel(name, problem=str(error))
    return FoundModel(name, told.description, told.tags, told.aliases)


def with_told(version: FoundVersion, told: ToldVersion) -> FoundVersion:
    """Return a version with what is said of it."""
    properties = {name: told.properties[name] for name in told.properties if name != EMPTY_FILES}
    return replace(
        version,
        description=told.description,
        framework=told.framework,
        metrics=told.metrics,
        parameters=told.parameters,
        tags=told.tags,
        properties=properties,
    )


def parse_told(raw: bytes | None, kind: type[T], where: str) -> T:
    """Return what JSON says, or nothing where there is none; raises SourceError."""
    try:
        return kind() if raw is None else kind.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise SourceError(f"{where}: {place} {first['msg']}") from None


def read_told(file: Path, kind: type[T]) -> T:
    """Return what a file says; blocking. Raises SourceError for one that is no such JSON."""
    raw = None
    try:
        if file.exists():
            if file.stat().st_size > MAX_TOLD_BYTES:
                raise SourceError(f"{file} has more than {MAX_TOLD_BYTES} bytes")
            raw = file.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {file}: {error.strerror}") from error
    return parse_told(raw, kind, str(file))


def write_told(file: Path, told: BaseModel) -> None:
    """Write what is said, whole or not at all, and make its folder; blocking. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.part")
    beside.write_text(told.model_dump_json(indent=1) + "\n", encoding="utf-8")
    beside.replace(file)
