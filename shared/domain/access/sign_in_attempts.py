"""Attempts to sign in at an OIDC issuer: all that is told of one comes from one secret.

The browser keeps the secret in a cookie while it is at the issuer, and nothing is kept here.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self

ATTEMPT_LIFE: Final = timedelta(minutes=10)
_SECRET_BYTES: Final = 32
_SECRET: Final = re.compile(rf"[0-9a-f]{{{2 * _SECRET_BYTES}}}")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, which one browser began."""

    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Make one of 256 random bits."""
        return cls(secrets.token_hex(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the secret of an attempt; None for a text of another form."""
        return cls(text) if _SECRET.fullmatch(text) else None

    @property
    def state(self) -> str:
        """Comes back with the browser: an answer that another one was given is not taken."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Stands in the ID token: one that was made for another attempt is not taken."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """Redeems the code (RFC 7636): who reads the code alone cannot."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """What the issuer is told of the verifier: S256."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def _derived(self, what: str) -> str:
        return hmac.new(self.secret.encode(), what.encode(), hashlib.sha256).hexdigest()
