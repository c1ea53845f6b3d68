"""What MLflow's clients send. Fields that are not known here are passed over: they send more."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from registry.schemas.metadata import MAX_DESCRIPTION_CHARACTERS

MAX_TAGS = 1000


def _text(value: object) -> object:
    """Let a number pass as the text that it is written as: older clients send versions so."""
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return str(value) if 0 < value < 2**31 else value


Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Number = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1, max_length=32)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=250)]
Description = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION_CHARACTERS)]
Address = Annotated[str, StringConstraints(max_length=4096)]


class Sent(BaseModel):
    """A request of MLflow's."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Tag(Sent):
    """A tag; one without a value has the empty text."""

    key: Key
    value: str = ""


class NamedModel(Sent):
    """Names a model."""

    name: Name


class NewModel(NamedModel):
    """Asks for a model without a version."""

    description: Description | None = None
    tags: list[Tag] = Field(default_factory=list[Tag], max_length=MAX_TAGS)


class ModelDescription(NamedModel):
    """Describes a model."""

    description: Description | None = None


class ModelTag(NamedModel):
    """Sets a tag of a model."""

    key: Key
    value: str = ""


class ModelTagKey(NamedModel):
    """Names a tag of a model."""

    key: Key


class AliasTarget(NamedModel):
    """Lets an alias point at a version."""

    alias: Name
    version: Number


class AliasNamed(NamedModel):
    """Names an alias."""

    alias: Name


class NewName(NamedModel):
    """Asks for another name of a model."""

    new_name: str = ""


class NamedVersion(NamedModel):
    """Names a version."""

    version: Number


class NewVersion(NamedModel):
    """Asks for a version with the files of a source."""

    source: Address
    description: Description | None = None
    tags: list[Tag] = Field(default_factory=list[Tag], max_length=MAX_TAGS)


class VersionDescription(NamedVersion):
    """Describes a version."""

    description: Description | None = None


class VersionTag(NamedVersion):
    """Sets a tag of a version."""

    key: Key
    value: str = ""


class VersionTagKey(NamedVersion):
    """Names a tag of a version."""

    key: Key


class Stage(NamedVersion):
    """Asks for a version to be in a stage."""

    stage: str = ""
