"""Principals: whoever a request comes from, as far as decisions are concerned."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.domain.access.grants import Grant

Kind = Literal["anonymous", "administrator", "token", "oidc", "upload"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what was granted to them."""

    id: str
    """Stable: `token:ID`, `oidc:ISSUER#SUBJECT`, `upload:VERSION`, `administrator`, `anonymous`."""
    kind: Kind
    name: str
    """For people: a token's name, an issuer's subject."""
    grants: tuple[Grant, ...] = ()
    expires_at: datetime | None = None

    @property
    def upload(self) -> str | None:
        """The version whose upload this principal was handed; None for everyone else."""
        return next((each.scope for each in self.grants if each.kind == "upload"), None)
