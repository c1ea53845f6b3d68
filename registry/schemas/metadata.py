"""What a user says about a model version."""

from typing import Any, Self

from pydantic import ConfigDict, Field, JsonValue, field_validator, model_validator

from registry.schemas.base import Schema
from registry.schemas.names import (
    FilePath,
    ModelName,
    Number,
    RequestedVersion,
    StorageGroup,
    check_entries,
)

MAX_METADATA_BYTES = 256 * 1024
MAX_DESCRIPTION_CHARACTERS = 16_384
MAX_FRAMEWORK_CHARACTERS = 128


class VersionMetadata(Schema):
    """Description of a version."""

    description: str = Field(default="", max_length=MAX_DESCRIPTION_CHARACTERS)
    """What the model is for."""
    framework: str = Field(default="", max_length=MAX_FRAMEWORK_CHARACTERS)
    """Library that made it, e.g. "scikit-learn"."""
    metrics: dict[str, float] = Field(default_factory=dict[str, float])
    """Finite numbers by name, e.g. {"accuracy": 0.95}."""
    parameters: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """Training parameters by name; any JSON value."""
    tags: dict[str, str] = Field(default_factory=dict[str, str])
    """Texts by name, to find versions by."""
    properties: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """Anything else; any JSON value."""


class RequestedMetadata(VersionMetadata):
    """Description of a version to be made: names are checked, and it is at most 256 KiB as JSON."""

    metrics: dict[str, Number] = Field(default_factory=dict[str, float])
    """Finite numbers by name, e.g. {"accuracy": 0.95}."""

    _names = field_validator("metrics", "parameters", "tags", "properties")(check_entries)

    @model_validator(mode="after")
    def _within_size(self) -> Self:
        size = len(self.model_dump_json(include=set(VersionMetadata.model_fields)).encode())
        if size > MAX_METADATA_BYTES:
            raise ValueError(f"metadata must be at most {MAX_METADATA_BYTES} bytes as JSON")
        return self


class ModelMetadata(RequestedMetadata):
    """The earlier registry's description of one model file, unchanged for its users.

    `version` is the label, `id` is kept and can be looked up, and the file is stored as
    `<name>.<file_extension>`. Fields that the earlier registry let through become properties.
    """

    model_config = ConfigDict(frozen=False, extra="allow")

    id: str | None = Field(default=None, min_length=1, max_length=256)
    """The caller's own identifier; any text."""
    name: ModelName
    """Registered model."""
    version: RequestedVersion | None = None
    """Label such as "1.0.0", or a version number."""
    file_extension: str = Field(default="bin", min_length=1, max_length=32)
    """With or without a leading dot."""
    storage_group: StorageGroup | None = None
    """Bucket; the server's default when absent."""

    @property
    def file_name(self) -> FilePath:
        """Name that the file has inside its version."""
        return f"{self.name}.{self.file_extension.lstrip('.')}"

    def version_metadata(self) -> VersionMetadata:
        """The part that describes the version, extra fields among its properties."""
        fields: dict[str, Any] = {
            name: getattr(self, name) for name in VersionMetadata.model_fields
        }
        fields["properties"] = {**self.properties, **(self.model_extra or {})}
        return VersionMetadata(**fields)
