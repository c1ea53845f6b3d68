"""Whether a token was signed by its issuer, for this registry, and counts now.

What a token says of itself chooses the issuer and the key, and nothing more: the algorithm must
be one that the issuer's settings allow, and keys or addresses that its header carries (`jwk`,
`jku`, `x5u`, `x5c`) are not looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from joserfc import jws
from joserfc.errors import ClaimError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from shared.domain.access.issuers import Algorithm, TrustedIssuer
from shared.domain.strict_json import parse_object

TYPES = ("jwt", "at+jwt", "application/at+jwt")
"""`typ` of an ID or access token; an issuer signs other things with the same keys."""
MAX_KID_CHARACTERS = 256
MAX_SUBJECT_CHARACTERS = 1024


class Refused(Exception):
    """The token does not count; the reason is for the log alone, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token as it describes itself."""

    text: str = field(repr=False)
    issuer: str
    kid: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a token; raises Refused for one that cannot be verified."""
        header_part, _, rest = text.partition(".")
        header = _object(header_part, "header")
        claims = _object(rest.partition(".")[0], "claims")
        if "crit" in header or "b64" in header:
            raise Refused("the header asks for an extension")
        if str(header.get("typ", TYPES[0])).lower() not in TYPES:
            raise Refused("the type is that of something else")
        kid, issuer = header.get("kid"), claims.get("iss")
        if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARACTERS:
            raise Refused("no key is named")
        if not isinstance(issuer, str):
            raise Refused("no issuer is named")
        return cls(text, issuer, kid)


def verified_claims(
    token: UnverifiedToken, key: Key, issuer: TrustedIssuer, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a token that counts now; raises Refused for any other."""
    try:
        signed = jws.deserialize_compact(token.text, key, registry=_Signatures(issuer.algorithms))
        claims = _object_of(signed.payload, "claims")
        _required(issuer, now).validate(claims)
    except ClaimError as error:
        raise Refused(f"{error.error}: {error.claim}") from None
    except JoseError as error:
        raise Refused(error.error) from None
    except (ValueError, RecursionError) as error:
        raise Refused(f"malformed: {type(error).__name__}") from None
    subject: str = claims["sub"]
    if len(subject) > MAX_SUBJECT_CHARACTERS or not subject.isprintable():
        raise Refused("the subject is too long, or cannot be printed")
    return claims


class _Signatures(jws.JWSRegistry):
    """The allowed algorithms, none that the library thinks of, and headers of any name."""

    max_header_length = 4096
    max_signature_length = 2048

    def __init__(self, allowed: tuple[Algorithm, ...]) -> None:
        super().__init__(algorithms=allowed, strict_check_header=False)

    def get_alg(self, name: str) -> Any:  # the library's own model of an algorithm
        # Not the library's check, which warns of EdDSA each time: RFC 9864 calls it Ed25519.
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


def _required(issuer: TrustedIssuer, now: datetime) -> JWTClaimsRegistry:
    """Return what the claims are held against; `nbf` and `iat` only where a token has them."""
    return JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=issuer.clock_skew_seconds,
        iss={"essential": True, "value": issuer.url},
        aud={"essential": True, "values": list(issuer.audiences)},
        sub={"essential": True},
        exp={"essential": True},
    )


def _object(part: str, what: str) -> dict[str, Any]:
    try:
        return _object_of(urlsafe_b64decode(part.encode()), what)
    except ValueError:
        raise Refused(f"the {what} cannot be read") from None


def _object_of(data: bytes, what: str) -> dict[str, Any]:
    try:
        return parse_object(data.decode())
    except ValueError as error:
        raise Refused(f"the {what} {error}") from None
