"""Models as folders: `MODEL/VERSION/files`, and beside the files what is said of them, as JSON.

`MODEL/_model.json` and `MODEL/VERSION.json` are written by an export, and may be missing.
"""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.errors import SourceError
from registry.schemas.metadata import VersionMetadata

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


def read_told(file: Path, kind: type[T]) -> T:
    """Return what a file says; blocking. Raises SourceError for one that is no such JSON."""
    try:
        if not file.exists():
            return kind()
        if file.stat().st_size > MAX_TOLD_BYTES:
            raise SourceError(f"{file} has more than {MAX_TOLD_BYTES} bytes")
        return kind.model_validate_json(file.read_bytes())
    except OSError as error:
        raise SourceError(f"cannot read {file}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise SourceError(f"{file}: {place} {first['msg']}") from None


def write_told(file: Path, told: BaseModel) -> None:
    """Write what is said, whole or not at all; blocking. Raises OSError."""
    beside = file.with_name(f".{file.name}.part")
    beside.write_text(told.model_dump_json(indent=1) + "\n", encoding="utf-8")
    beside.replace(file)
