"""Tokens as an OIDC issuer signs them, and as nobody should."""

import json
import warnings
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode

AUDIENCE = "https://registry.acme.example"
LIFE_SECONDS = 300

_ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519", "HS256")


def ec_key(kid: str) -> ECKey:
    """A new key for ES256."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def rsa_key(kid: str, bits: int = 2048) -> RSAKey:
    """A new key for RS256, PS256 and their kin."""
    return RSAKey.generate_key(bits, {"kid": kid, "use": "sig"})


def ed_key(kid: str) -> OKPKey:
    """A new key for Ed25519."""
    return OKPKey.generate_key("Ed25519", {"kid": kid, "use": "sig"})


def public(key: Key) -> Key:
    """The half of a key that an issuer publishes."""
    return type(key).import_key(key.as_dict(private=False))


def claims_of(issuer: str, now: float, **changed: Any) -> dict[str, Any]:
    """Claims of a token that counts; a change to None leaves the claim out."""
    usual = {
        "iss": issuer,
        "sub": "repo:acme/risk:ref:refs/heads/main",
        "aud": AUDIENCE,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + LIFE_SECONDS,
    }
    return {name: value for name, value in (usual | changed).items() if value is not None}


def signed(
    key: Key, claims: Mapping[str, Any] | str, algorithm: str = "ES256", **header: Any
) -> str:
    """A token that is signed by this key; `claims` may be text, of any form."""
    text = claims if isinstance(claims, str) else json.dumps(claims)
    heads = {"alg": algorithm, "kid": key.kid, "typ": "JWT", **header}
    told = {name: value for name, value in heads.items() if value is not None}
    registry = jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of the name EdDSA, which is an old one
        return jws.serialize_compact(told, text, key, registry=registry)


def unsigned(claims: Mapping[str, Any], **header: Any) -> str:
    """A token that says that it needs no signature."""
    heads = {"alg": "none", "typ": "JWT", **header}
    parts = (urlsafe_b64encode(json.dumps(part).encode()) for part in (heads, claims))
    return ".".join([*(part.decode() for part in parts), ""])


def with_header(token: str, header: str) -> str:
    """The same token with this text as its header, which its signature is not of."""
    return ".".join([_encoded(header), *token.split(".")[1:]])


def signed_as(key: Key, header: str, claims: Mapping[str, Any], algorithm: str = "ES256") -> str:
    """A token with this text as its header, which its signature is of."""
    text = f"{_encoded(header)}.{_encoded(json.dumps(claims))}"
    signature = jws.JWSRegistry.algorithms[algorithm].sign(text.encode(), key)
    return f"{text}.{urlsafe_b64encode(signature).decode()}"


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()
