"""What a version was made from: what is asked for, and the links that are recorded of it."""

import re
from datetime import datetime
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from registry.schemas.aliases import check_alias
from registry.schemas.base import Answer, Schema
from registry.schemas.names import ModelName, RequestedVersion

MAX_URI_CHARACTERS = 1024
MAX_TEXT_CHARACTERS = 256
MAX_LINKS = 100
"""Links of one version."""
MAX_LINKS_BYTES = 64 * 1024
"""Links of one version together as JSON: each of its events carries them."""

LinkKind = Literal["version", "external", "dataset", "run", "code", "hidden"]
"""version, external: a parent, here or elsewhere; hidden: a parent that the caller may not read."""
Relation = Literal[
    "derived",
    "fine_tuned",
    "quantised",
    "merged",
    "adapter",
    "distilled",
    "converted",
    "trained_on",
    "validated_on",
    "evaluated_on",
    "produced_by",
    "built_from",
]
"""What the version is to what the link names: of parents, of data sets, of runs, of code."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+\Z")
_DIGEST = re.compile(r"[A-Za-z0-9_+.-]+:[A-Za-z0-9+/=_-]+\Z")
_LINK_ID = re.compile(r"[0-9a-f]{16}\Z")


def check_uri(value: str) -> str:
    """Return a URI unchanged, or raise ValueError with the rule."""
    if not value.isprintable() or not _URI.match(value):
        raise ValueError("must be a URI: a scheme, a colon, and no white space")
    try:
        holds_secret = urlsplit(value).password is not None
    except ValueError as error:
        raise ValueError(f"must be a URI: {error}") from None
    if holds_secret:
        raise ValueError("must carry no password: whoever may read the version sees it")
    return value


def _check_text(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must have printable characters only")
    return value


def _check_digest(value: str) -> str:
    if value and not _DIGEST.match(value):
        raise ValueError("must be an algorithm, a colon, and the digest, such as sha256:9f86...")
    return value


def _check_parent_version(value: str | int) -> str | int:
    """Let an alias pass beside what names a version in other requests."""
    if isinstance(value, str) and value.startswith("@"):
        return f"@{check_alias(value[1:])}"
    return value


def check_link_id(value: str) -> str:
    """Return a link's id unchanged, or raise ValueError with the rule."""
    if not _LINK_ID.match(value):
        raise ValueError("must be 16 hexadecimal digits")
    return value


def _spelled(value: object) -> object:
    """Let other spellings of a relation pass: fine-tuned, quantized."""
    if not isinstance(value, str):
        return value
    return value.strip().lower().replace("-", "_").replace("quantized", "quantised")


Uri = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URI_CHARACTERS),
    AfterValidator(check_uri),
]
Text = Annotated[
    str, StringConstraints(max_length=MAX_TEXT_CHARACTERS), AfterValidator(_check_text)
]
Digest = Annotated[
    str, StringConstraints(max_length=MAX_TEXT_CHARACTERS), AfterValidator(_check_digest)
]
Alias = Annotated[str, StringConstraints(pattern="^@"), AfterValidator(_check_parent_version)]
ParentRelation = Annotated[
    Literal["derived", "fine_tuned", "quantised", "merged", "adapter", "distilled", "converted"],
    BeforeValidator(_spelled),
]
DatasetRelation = Annotated[
    Literal["trained_on", "validated_on", "evaluated_on"], BeforeValidator(_spelled)
]


class ParentRequest(Schema):
    """A parent: a version here, or a URI of one elsewhere.

    A text is read as `MODEL@NUMBER`, `MODEL@ALIAS`, or a URI.
    """

    model: ModelName | None = None
    version: Alias | RequestedVersion | None = None
    """Number, label or @alias of the model; what an alias points at now is recorded."""
    uri: Uri | None = None
    relation: ParentRelation = "derived"

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        model, sign, version = value.partition("@")
        if not sign or ":" in model:
            return {"uri": value}
        return {"model": model, "version": version if version.isdecimal() else f"@{version}"}

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        is_here = self.model is not None and self.version is not None
        is_partly_here = self.model is not None or self.version is not None
        if is_partly_here != is_here or is_here == (self.uri is not None):
            raise ValueError("must name a model and its version, or a uri")
        return self


class DatasetRequest(Schema):
    """A data set; a text is its URI."""

    uri: Uri
    name: Text = ""
    digest: Digest = ""
    """With its algorithm, such as `sha256:9f86...`."""
    relation: DatasetRelation = "trained_on"

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, value: object) -> object:
        return {"uri": value} if isinstance(value, str) else value


class RunRequest(Schema):
    """The run that made the version; a text is its URI, or else its id."""

    id: Text = ""
    uri: Uri | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return {"uri": value} if _URI.match(value) else {"id": value}

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if not self.id and self.uri is None:
            raise ValueError("must have an id or a uri")
        return self


class CodeRequest(Schema):
    """The code that made the version; a text is `URI@REVISION`."""

    uri: Uri
    """Of the repository."""
    revision: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _read_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        # In git@host:repository the sign stands before the path.
        uri, sign, revision = value.rpartition("@")
        is_split = bool(sign) and ":" in uri and "/" not in revision
        return {"uri": uri, "revision": revision} if is_split else {"uri": value}


class LineageRequest(Schema):
    """What a version was made from."""

    parents: list[ParentRequest] = Field(default_factory=list[ParentRequest], max_length=MAX_LINKS)
    datasets: list[DatasetRequest] = Field(
        default_factory=list[DatasetRequest], max_length=MAX_LINKS
    )
    run: RunRequest | None = None
    code: CodeRequest | None = None

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if len(self.parents) + len(self.datasets) + 2 > MAX_LINKS:
            raise ValueError(f"must have at most {MAX_LINKS} links together")
        return self


class Link(Answer):
    """One thing that a version was made from."""

    id: str
    """What it is removed by."""
    kind: LinkKind
    relation: Relation
    version_id: str | None = None
    """Of a version here, as are `model` and `number`."""
    model: str | None = None
    number: int | None = None
    uri: str | None = None
    name: str = ""
    """Of a data set its name, of a run its id."""
    digest: str = ""
    revision: str = ""
    at: datetime
    """When it was recorded."""
    by: str
    """The principal that said so."""


class VersionLinks(Answer):
    """The links of one version; of a hidden one the relation alone."""

    model: str
    number: int
    links: list[Link]
