"""Who may do what, as it travels: grants, tokens, and who the caller is. Times are UTC.

A grant is a text: `reader:churn`, `writer:risk.*`, `admin:*`, `events:risk.*`, or
`alias:churn@production`.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from registry.schemas.aliases import check_alias
from registry.schemas.base import Answer, Schema
from registry.schemas.names import WholeNumber, check_model_name

ROLES = ("reader", "writer", "maintainer", "admin")
"""Each may do all that those before it may."""
NARROW = ("events", "alias")
"""Grants of one thing alone: to follow events, to move one alias."""
MAX_GRANTS = 64
MAX_TOKEN_SECONDS = 10 * 366 * 24 * 3600


def check_pattern(value: str) -> str:
    """Return a pattern of model names unchanged, or raise ValueError with the rule.

    It is one name, `NAMESPACE.*` for all names that begin with `NAMESPACE.`, or `*` for all.
    """
    if value == "*":
        return value
    name = value.removesuffix(".*")
    try:
        check_model_name(name)
    except ValueError as error:
        raise ValueError(f"must be *, NAMESPACE.* or a model's name, which {error}") from error
    return value


def check_grant(value: str) -> str:
    """Return a grant unchanged, or raise ValueError with the rule."""
    kind, colon, scope = value.partition(":")
    if not colon or kind not in (*ROLES, *NARROW):
        kinds = ", ".join((*ROLES, "events"))
        raise ValueError(f"must be KIND:PATTERN with one of {kinds}, or alias:MODEL@ALIAS")
    if kind != "alias":
        try:
            check_pattern(scope)
        except ValueError as error:
            raise ValueError(f"must be KIND:PATTERN, whose pattern {error}") from error
        return value
    model, at, alias = scope.partition("@")
    if not at:
        raise ValueError("must be alias:MODEL@ALIAS")
    check_model_name(model)
    check_alias(alias)
    return value


GrantText = Annotated[str, StringConstraints(max_length=400), AfterValidator(check_grant)]


class TokenRequest(Schema):
    """Asks for a new token."""

    name: str = Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")
    """What it is for; for people alone."""
    grants: list[GrantText] = Field(min_length=1, max_length=MAX_GRANTS)
    expires_in_seconds: WholeNumber | None = Field(default=None, ge=1, le=MAX_TOKEN_SECONDS)
    """Life of the token; absent: until it is revoked."""


class Token(Answer):
    """A token as lists tell of it: its secret is not among what is kept."""

    id: str
    name: str
    prefix: str
    """What the token itself begins with, for finding out which one it is."""
    owner: str
    """The principal that made it."""
    grants: list[str]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """To the minute or so: it is written rarely."""
    revoked_at: datetime | None = None


class NewToken(Token):
    """A token that was made now, with its secret, which nobody is told again."""

    token: str = Field(repr=False)


class TokenPage(Answer):
    """Tokens, the newest first."""

    items: list[Token]
    next_cursor: str | None = None


class AuditEntry(Answer):
    """A change that somebody made, or a refusal."""

    id: str
    at: datetime
    principal: str
    """Who asked; `anonymous` also where a credential did not count."""
    action: str
    """A change: upload.open, upload.complete, upload.abort, token.make, token.revoke. Of a refusal
    what the route does, e.g. model.read."""
    model: str
    """The model it was about, or the pattern of a token's grants; empty where it was about none."""
    subject: str
    """What else it was about: version:ID, token:ID."""
    address: str
    request_id: str
    outcome: str
    """Of a change: allowed (it began), done, or the code of the error that ended it. Of a refusal:
    unauthenticated, forbidden, or hidden (answered as if nothing were there). refusals_not_kept:
    so many that `count` of them have no entry."""
    ended_at: datetime | None = None
    """When a change ended."""
    count: int = 1


class AuditPage(Answer):
    """Entries of the audit, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None = None


class Identity(Answer):
    """`GET /v1/me`: who the caller is, and what they may."""

    principal: str
    """Stable name, e.g. `token:4f2a`, `anonymous`."""
    kind: Literal["anonymous", "administrator", "token", "oidc", "upload"]
    name: str
    """For people."""
    grants: list[str]
    expires_at: datetime | None = None
