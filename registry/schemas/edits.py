"""Edits: what is said of a version or of a model, changed by JSON merge patches (RFC 7396).

Times are UTC. A revision counts the edits of one version, or of one model, from 1: what has never
been edited is at revision 1.
"""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from registry.schemas.base import Answer, Schema
from registry.schemas.metadata import MAX_DESCRIPTION_CHARACTERS, MAX_FRAMEWORK_CHARACTERS
from registry.schemas.names import Number, check_entries

MERGE_PATCH_JSON = "application/merge-patch+json"
MAX_MODEL_DESCRIPTION_BYTES = 64 * 1024


def _refuse(_: object) -> object:
    raise ValueError("cannot be edited")


class Patch(Schema):
    """Fields to be changed: one that is absent stays as it is, and null removes what it stands for.

    Written as JSON it has the fields that were given, and no others. A field that is none of them
    is refused by its own name.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False})
    __pydantic_extra__: dict[str, Annotated[Any, BeforeValidator(_refuse)]] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride] - how pydantic has extra fields checked

    @model_serializer(mode="wrap")
    def _given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = handler(self)
        return {name: value for name, value in fields.items() if name in self.model_fields_set}


def _check_given(entries: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if entries is None else check_entries(entries)


class VersionPatch(Patch):
    """Changes what is said of a version; what was found of its files cannot be edited."""

    model_config = ConfigDict(
        json_schema_extra={
            "additionalProperties": False,
            "examples": [{"tags": {"stage": "candidate", "old": None}, "metrics": {"auc": 0.93}}],
        }
    )

    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION_CHARACTERS)
    """What the model is for."""
    framework: str | None = Field(default=None, max_length=MAX_FRAMEWORK_CHARACTERS)
    """Library that made it."""
    metrics: dict[str, Number | None] | None = None
    """Finite numbers by name; null removes one."""
    parameters: dict[str, JsonValue] | None = None
    """JSON values by name, merged as deep as objects go; null removes one."""
    tags: dict[str, str | None] | None = None
    """Texts by name; null removes one."""
    properties: dict[str, JsonValue] | None = None
    """JSON values by name, merged as deep as objects go; null removes one."""

    _names = field_validator("metrics", "parameters", "tags", "properties")(_check_given)


class ModelPatch(Patch):
    """Changes what is said of a model."""

    model_config = ConfigDict(
        json_schema_extra={
            "additionalProperties": False,
            "examples": [{"description": "Who is about to leave.", "tags": {"owner": "risk"}}],
        }
    )

    description: str | None = Field(default=None, max_length=MAX_DESCRIPTION_CHARACTERS)
    """What the model is for."""
    tags: dict[str, str | None] | None = None
    """Texts by name; null removes one."""

    _names = field_validator("tags")(_check_given)


class ModelDescription(Schema):
    """What is said of a model: names are checked, and it is at most 64 KiB as JSON."""

    description: str = Field(default="", max_length=MAX_DESCRIPTION_CHARACTERS)
    tags: dict[str, str] = Field(default_factory=dict[str, str])

    _names = field_validator("tags")(check_entries)

    @model_validator(mode="after")
    def _within_size(self) -> Self:
        if len(self.model_dump_json().encode()) > MAX_MODEL_DESCRIPTION_BYTES:
            raise ValueError(
                f"description and tags must be at most {MAX_MODEL_DESCRIPTION_BYTES} bytes as JSON"
            )
        return self


class Edit(Answer):
    """One edit that was made."""

    revision: int
    """The revision that it led to."""
    at: datetime
    by: str
    """The principal that made it."""
    reason: str = ""
    before: dict[str, JsonValue]
    """The fields that it changed as they were; of those with named entries, the changed entries.
    What is in `after` alone was not there."""
    after: dict[str, JsonValue]
    """The same as it made them; what is in `before` alone it removed."""
    sequence: int
    """Sequence number of the event that tells of it."""


class EditPage(Answer):
    """Edits, the newest first; fewer than asked for where they would be too large."""

    items: list[Edit]
    next_cursor: str | None = None
