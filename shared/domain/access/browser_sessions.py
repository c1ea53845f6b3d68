"""Sessions of browsers: a credential of their own, which stands for a token and keeps none."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field

from shared.domain.records import Record

SESSION_PREFIX = "mrs_"
SESSION_LIFE = timedelta(hours=12)
"""How long a session lasts; one of a token that ends earlier ends with it."""
ADMINISTRATOR = "administrator"
"""What stands in a session of the administrator's in place of a token's id."""
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SessionText:
    """What the browser keeps in its cookie."""

    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Make one of 256 random bits."""
        return cls(secrets.token_hex(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a session's credential; None for a text of another form."""
        secret = text.removeprefix(SESSION_PREFIX)
        is_one = text.startswith(SESSION_PREFIX) and len(secret) == 2 * _SECRET_BYTES
        return cls(secret) if is_one else None

    def __str__(self) -> str:
        return f"{SESSION_PREFIX}{self.secret}"

    @property
    def digest(self) -> str:
        """The SHA-256 that is kept in its place."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    @property
    def form_key(self) -> str:
        """What each form of the session carries: no other site can know it."""
        return hmac.new(self.secret.encode(), b"forms", hashlib.sha256).hexdigest()


class SessionRecord(Record):
    """What is kept of a session."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    """SHA-256 of its credential."""
    token_id: str
    """The token that it stands for, or `administrator`."""
    proof: str
    """Shows that it stands for this very token: see `proof_of`."""
    created_at: datetime
    expires_at: datetime


def proof_of(session_digest: str, token_digest: str) -> str:
    """Return what binds a session to a token.

    The digest of the token itself is not kept a second time: who reads the sessions has none.
    """
    return hmac.new(token_digest.encode(), session_digest.encode(), hashlib.sha256).hexdigest()
