"""Tokens as texts: made, told apart, and turned into what is kept of them."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from pydantic import Field

from shared.domain.records import Record

PREFIX = "mr_"
UPLOAD_MARK = "up"
"""Begins the id of a token that an upload's plan carries; what follows is the version's id."""
MAX_CHARACTERS = 8192
"""Of any credential; those of an OIDC issuer may list many groups."""
_ID_BYTES = 8
_SECRET_BYTES = 32
SHOWN_CHARACTERS = 4
"""As much of a secret as lists show: 16 of its 256 bits."""


@dataclass(frozen=True, slots=True)
class TokenText:
    """`mr_<id>_<secret>`, as its holder has it."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls, token_id: str | None = None) -> Self:
        """Make one with a secret of 256 random bits."""
        return cls(token_id or secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES))

    @classmethod
    def of_upload(cls, version_id: str) -> Self:
        """Make one that is handed out with an upload."""
        return cls.new(UPLOAD_MARK + version_id)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a token; None for a text of another form."""
        if not text.startswith(PREFIX):
            return None
        token_id, _, secret = text.removeprefix(PREFIX).partition("_")
        return cls(token_id, secret) if token_id and secret else None

    def __str__(self) -> str:
        return f"{PREFIX}{self.id}_{self.secret}"

    @property
    def digest(self) -> str:
        """The SHA-256 that is kept in its place."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    @property
    def shown(self) -> str:
        """What it begins with, for lists."""
        return f"{PREFIX}{self.id}_{self.secret[:SHOWN_CHARACTERS]}"

    @property
    def uploads_version(self) -> str | None:
        """Id of the version whose upload it was handed out with; None for any other token."""
        return self.id.removeprefix(UPLOAD_MARK) if self.id.startswith(UPLOAD_MARK) else None


class TokenRecord(Record):
    """What is kept of a token."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    name: str
    prefix: str
    sha256: str
    owner: str
    grants: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, digest: str, now: datetime) -> bool:
        """Whether a token with this digest may be used now; in a time that tells nothing."""
        is_same = is_equal(self.sha256, digest)
        return is_same and self.revoked_at is None and not _is_past(self.expires_at, now)


def sha256_of(text: str) -> str:
    """Return the digest by which a credential is known, whatever characters are in it."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def is_equal(one: str, other: str) -> bool:
    """Compare two digests in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _is_past(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and moment <= now
