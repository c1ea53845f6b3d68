"""Rules of a model, or of all models of a namespace: what may be uploaded, moved and removed.

A scope is a model (`churn`), a namespace (`risk.*`) or all models (`*`). A field that is absent
says nothing; what is said for a model counts before its namespace's, and that before what is said
for all.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
)

from registry.schemas.base import Answer, Schema
from registry.schemas.names import (
    MAX_ENTRY_NAME_CHARACTERS,
    WholeNumber,
    check_model_name,
    number_alone,
)

MAX_RULE_ENTRIES = 100
"""Entries of each list of a rule."""
MAX_KEPT_VERSIONS = 1_000_000
MAX_KEPT_DAYS = 36_500
MODEL_CARD = "README.md"
"""The file that is a version's model card."""
EVERY_MODEL = "*"
"""The scope of all models, and what stands for it where a namespace is named."""
_ALIAS_PATTERN = re.compile(r"[A-Za-z0-9._*-]{1,100}\Z")


def check_namespace(value: str) -> str:
    """Return a namespace unchanged, or raise ValueError with the rule.

    It is what stands before the first dot of its models' names; `*` stands for all models.
    """
    if value == EVERY_MODEL:
        return value
    check_model_name(value)
    if "." in value:
        raise ValueError("must have no dot: a namespace is what stands before a name's first one")
    return value


def _check_alias_pattern(value: str) -> str:
    if not _ALIAS_PATTERN.match(value):
        raise ValueError("must be an alias, or one with * for any characters")
    return value


def _distinct(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("must name each once")
    return values


EntryName = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ENTRY_NAME_CHARACTERS)]
Names = Annotated[list[EntryName], Field(max_length=MAX_RULE_ENTRIES), AfterValidator(_distinct)]
FormatName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]


class ProtectedAlias(Schema):
    """Aliases that not everybody who may write moves alone."""

    alias: Annotated[str, AfterValidator(_check_alias_pattern)]
    """Its name; `*` stands for any characters, also none."""
    approvals: Annotated[Literal[1, 2], BeforeValidator(number_alone)]
    """1: a maintainer moves it; 2: somebody proposes a move, and somebody else approves it."""


class RequiredMetadata(Schema):
    """What has to be said of a version."""

    metrics: Names = Field(default_factory=list[str])
    tags: Names = Field(default_factory=list[str])
    parameters: Names = Field(default_factory=list[str])
    model_card: StrictBool = False
    """Whether a version has a file README.md."""


class Retention(Schema):
    """Which versions stay. Those that are ready, and that nothing here keeps, are removed."""

    keep_last_ready: WholeNumber = Field(ge=1, le=MAX_KEPT_VERSIONS)
    """The ready versions with the highest numbers."""
    keep_aliased: Literal[True] = True
    """A version that an alias points at always stays."""
    keep_younger_than_days: WholeNumber | None = Field(default=None, ge=1, le=MAX_KEPT_DAYS)
    """Since it became ready."""
    keep_with_tags: Names = Field(default_factory=list[str])
    """Names of tags: a version that has one of them stays, whatever its text."""


class Rules(Schema):
    """Rules of one scope. A field that is absent says nothing; an empty list says: none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "protected_aliases": [{"alias": "production", "approvals": 2}],
                    "allowed_formats": ["safetensors", "onnx", "unknown"],
                    "required": {"metrics": ["auc"], "tags": ["team"], "model_card": True},
                    "immutable_labels": True,
                    "retention": {"keep_last_ready": 10, "keep_younger_than_days": 30},
                }
            ]
        }
    )

    protected_aliases: Annotated[
        list[ProtectedAlias] | None, Field(max_length=MAX_RULE_ENTRIES)
    ] = None
    """Of several that an alias matches, the first counts."""
    allowed_formats: (
        Annotated[
            list[FormatName],
            Field(min_length=1, max_length=MAX_RULE_ENTRIES),
            AfterValidator(_distinct),
        ]
        | None
    ) = None
    """Formats that files may have, as they are detected; `unknown` is that of any other file. A
    model card may always be there."""
    required: RequiredMetadata | None = None
    immutable_labels: StrictBool | None = None
    """Whether a label of a version that was ready names no other version, ever."""
    retention: Retention | None = None


_NESTED: Mapping[str, type[Schema]] = {
    "protected_aliases": ProtectedAlias,
    "required": RequiredMetadata,
    "retention": Retention,
}


def _known(value: object) -> object:
    """Return rules without what only a newer release knows: a request of it would be refused."""
    if not isinstance(value, Mapping):
        return value
    found = _of(cast("Mapping[str, Any]", value), Rules)
    for name, kind in _NESTED.items():
        inner: Any = found.get(name)
        if isinstance(inner, Mapping):
            found[name] = _of(cast("Mapping[str, Any]", inner), kind)
        elif isinstance(inner, list):
            found[name] = [
                _of(cast("Mapping[str, Any]", each), kind) if isinstance(each, Mapping) else each
                for each in cast("list[object]", inner)
            ]
    return found


def _of(value: Mapping[str, Any], kind: type[Schema]) -> dict[str, Any]:
    return {name: value[name] for name in kind.model_fields if name in value}


KnownRules = Annotated[Rules, BeforeValidator(_known)]
"""Rules as they are answered and kept: a newer release may have said more."""


class ScopeRules(Answer):
    """The rules of one scope, as they were set last."""

    scope: str
    revision: int
    """Counts their changes; what `If-Match` names."""
    at: datetime
    by: str
    """The principal that set them."""
    rules: KnownRules


class EffectiveRules(Answer):
    """What applies to a model: each field from the narrowest scope that says it."""

    model: str
    rules: KnownRules
    sources: dict[str, str] = Field(default_factory=dict[str, str])
    """The scope that each field is from."""


class RetentionReason(Answer):
    """One reason why a version stays, or why it goes."""

    code: str
    """Stable: `no_rule`, `not_ready`, `held`, or the part of the rule."""
    detail: str


class RetentionVerdict(Answer):
    """What the rule of retention comes to for one version."""

    number: int
    outcome: Literal["kept", "removed"]
    why: list[RetentionReason]


class RetentionReport(Answer):
    """What the rule of retention comes to for a model: a page of its versions, newest first."""

    model: str
    scope: str
    """Whose rule it is; empty: none applies, and every version is kept."""
    rule: Retention | None
    applied: bool
    """Whether what is removed was deleted, and can be restored."""
    kept: int
    removed: int
    """Of all versions, not of this page."""
    versions: list[RetentionVerdict]
    next_cursor: str | None = None


class RulesChange(Answer):
    """What became of the rules of a scope."""

    scope: str
    revision: int
    by: str
    rules: KnownRules | None = None
    """None: they were removed."""
