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
HANDED_ON_PREFIX = "mrh_"
SESSION_LIFE = timedelta(hours=12)
"""How long a session lasts; one of a token that ends earlier ends with it."""
MOST_SESSIONS = 50
"""Of one principal at once; with one more the oldest ends."""
ADMINISTRATOR = "administrator"
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

    def handed_on(self, handing_key: str) -> "HandedOnText":
        """Return what another service is told in place of the session."""
        secret = hmac.new(handing_key.encode(), self.secret.encode(), hashlib.sha256)
        return HandedOnText(self.digest, secret.hexdigest())


@dataclass(frozen=True, slots=True)
class HandedOnText:
    """A session as query hands it on to ingest with what a page asks for.

    It takes both the cookie and what is kept of the session: neither alone is a credential there.
    """

    session: str
    """Digest of the session."""
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read such a credential; None for a text of another form."""
        session, _, secret = text.removeprefix(HANDED_ON_PREFIX).partition("_")
        is_one = text.startswith(HANDED_ON_PREFIX) and bool(session and secret)
        return cls(session, secret) if is_one else None

    def __str__(self) -> str:
        return f"{HANDED_ON_PREFIX}{self.session}_{self.secret}"

    @property
    def digest(self) -> str:
        """The SHA-256 that is kept in its place."""
        return hashlib.sha256(str(self).encode()).hexdigest()


class SessionRecord(Record):
    """What is kept of a session."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    """SHA-256 of its credential."""
    principal: str
    """Whose it is: `token:ID`, `administrator`, or `oidc:ISSUER#SUBJECT`."""
    proof: str
    """Shows that it stands for this very token, or for these settings of an issuer: `proof_of`."""
    handing_key: str
    """Makes of the session what is handed on."""
    handed_on_sha256: str
    name: str = ""
    grants: tuple[str, ...] = ()
    """What an issuer's claims granted; those of a token are looked up each time."""
    created_at: datetime
    expires_at: datetime


def new_handing_key() -> str:
    """Make a key of 256 random bits."""
    return secrets.token_hex(_SECRET_BYTES)


def proof_of(session_digest: str, token_digest: str) -> str:
    """Return what binds a session to a token.

    The digest of the token itself is not kept a second time: who reads the sessions has none.
    """
    return hmac.new(token_digest.encode(), session_digest.encode(), hashlib.sha256).hexdigest()
