"""Issuers of OIDC tokens that an operator trusts, and what their claims grant: a setting."""

from ipaddress import ip_address
from typing import Annotated, Literal, Self, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
    field_validator,
    model_validator,
)

from registry.schemas.access import MAX_GRANTS, GrantText

Algorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
]
"""Signatures with a key pair. Others are not to be had: with HMAC, whoever can verify can sign."""
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
MAX_ISSUERS = 16
MAX_RULES = 128
MAX_CONDITIONS = 16
MAX_AUDIENCES = 16
MAX_SKEW_SECONDS = 300

Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Condition = Text | StrictBool | StrictInt
"""What a claim has to be: a text, in which `*` is any run of characters, or exactly this value."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimRule(_Settings):
    """Claims that a token must have, and what it is granted then."""

    claims: dict[Text, Condition] = Field(min_length=1, max_length=MAX_CONDITIONS)
    """By the claim's name, or its path; all of them. Of a claim that is a list, any item."""
    grants: tuple[GrantText, ...] = Field(min_length=1, max_length=MAX_GRANTS)


class TrustedIssuer(_Settings):
    """An issuer whose tokens count, if they are for this registry."""

    url: str = Field(max_length=1024)
    """Exactly as its tokens name it in `iss`."""
    audiences: tuple[Text, ...] = Field(min_length=1, max_length=MAX_AUDIENCES)
    """A token must name one of them in `aud`."""
    rules: tuple[ClaimRule, ...] = Field(default=(), max_length=MAX_RULES)
    algorithms: tuple[Algorithm, ...] = Field(default=ALGORITHMS, min_length=1)
    clock_skew_seconds: int = Field(default=60, ge=0, le=MAX_SKEW_SECONDS)
    """How far its clock may be from ours."""
    ca_file: str | None = Field(default=None, min_length=1, max_length=4096)
    """PEM file with the authorities that its certificate may be of; else the usual ones."""
    allow_loopback_http: bool = False
    """True: the issuer may be at http://localhost and the like, for tests and local work."""

    @field_validator("url")
    @classmethod
    def _is_issuer(cls, value: str) -> str:
        parts = urlsplit(value)
        if "?" in value or "#" in value or not parts.hostname or parts.username is not None:
            raise ValueError("must be an absolute URL without user, query and fragment")
        return value

    @model_validator(mode="after")
    def _is_reached_safely(self) -> Self:
        if not self.may_ask(self.url):
            raise ValueError("url must begin with https://, which keys cannot be forged over")
        return self

    @property
    def discovery_url(self) -> str:
        """Where the issuer tells of itself: OpenID Connect Discovery, section 4."""
        return f"{self.url.rstrip('/')}/.well-known/openid-configuration"

    def may_ask(self, url: str) -> bool:
        """Whether keys may be taken from this address."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if not parts.hostname or parts.username is not None:
            return False
        if parts.scheme == "https":
            return True
        return self.allow_loopback_http and parts.scheme == "http" and _is_loopback(parts)


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
