"""Aliases: names that point at one ready version each, and remember where they pointed before.

Times are UTC. A revision counts the moves of an alias from 1, and is never given twice, also where
the alias was removed and made again.
"""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from registry.schemas.base import Answer, Schema
from registry.schemas.names import RequestedVersion, WholeNumber

MAX_ALIAS_CHARACTERS = 100
MAX_REASON_CHARACTERS = 1000
MAX_REVISION = 2**31 - 1
_ALIAS = re.compile(r"[A-Za-z](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?\Z")
_NUMBER_LIKE = re.compile(r"v[0-9]+\Z", re.IGNORECASE)


def check_alias(value: str) -> str:
    """Return an alias unchanged, or raise ValueError with the rule.

    MLflow refuses `latest` and `v` with a number as well: both look like a version's own name.
    """
    if len(value) > MAX_ALIAS_CHARACTERS:
        raise ValueError(f"must be at most {MAX_ALIAS_CHARACTERS} characters")
    if not _ALIAS.match(value) or ".." in value:
        raise ValueError(
            "must be letters and digits of ASCII or any of . _ -, start with a letter, "
            "not end with a dot, and not contain '..'"
        )
    if value.lower() == "latest" or _NUMBER_LIKE.match(value):
        raise ValueError("must not be 'latest' or v and a number: those name versions")
    return value


AliasName = Annotated[str, StringConstraints(min_length=1), AfterValidator(check_alias)]
Why = Annotated[
    str,
    StringConstraints(max_length=MAX_REASON_CHARACTERS, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$"),
]
"""Why something is done, for people."""
Revision = Annotated[WholeNumber, Field(ge=1, le=MAX_REVISION)]


class AliasRequest(Schema):
    """Asks for an alias to point at a version."""

    version: RequestedVersion
    """Number or label; it must be ready."""
    reason: Why = ""


class RollbackRequest(Schema):
    """Asks for an alias to point again where it pointed before."""

    to_revision: Revision | None = None
    """The revision whose version it shall point at; absent: the one before its last move."""
    reason: Why = ""


class Alias(Answer):
    """An alias as it is, or as it was at a moment."""

    model: str
    alias: str
    number: int
    """The version that it points at."""
    label: str | None = None
    version_id: str
    revision: int
    """Counts its moves; what `If-Match` names."""
    at: datetime
    """When it came to point there."""
    by: str
    """The principal that moved it, or approved the move."""
    proposed_by: str | None = None
    """The principal that proposed the move; None: nobody did."""
    reason: str = ""


class AliasMove(Answer):
    """One move of an alias."""

    revision: int
    at: datetime
    by: str
    from_number: int | None = None
    """Where it pointed before; None: it was not there."""
    to_number: int | None = None
    """None: it was removed."""
    reason: str = ""
    proposed_by: str | None = None
    """The principal that proposed it, where it was proposed; then `by` is who approved it."""
    proposal: str | None = None
    """Id of the proposal."""


class AliasPage(Answer):
    """Aliases of a model, in order of their names."""

    items: list[Alias]
    next_cursor: str | None = None


class AliasHistoryPage(Answer):
    """Moves of an alias, the newest first."""

    items: list[AliasMove]
    next_cursor: str | None = None
