"""An OIDC issuer at which people sign in: the code flow as it has to be, and what may be wrong."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from joserfc.jwk import ECKey

from tests.support.oidc_issuer import DISCOVERY, PublishedIssuer, send
from tests.support.oidc_tokens import claims_of, ec_key, signed

CLIENT, SECRET = "registry page", "a secret: of + the page"
CODE: Final = "a-code"
TOKENS: Final = "/token"
PERSON: Final = {"sub": "anna", "groups": ["ml-risk"], "name": "Anna"}


@dataclass
class IssuerOfPeople:
    """What it was asked for last, and what it answers."""

    published: PublishedIssuer
    key: ECKey = field(default_factory=lambda: ec_key("people"))
    asked: dict[str, str] = field(default_factory=dict[str, str])
    """What the browser was led here with."""
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    """Changes of those of the next token."""
    answer: dict[str, Any] | None = None
    """In the place of the next token."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Not redeemed yet."""

    def __post_init__(self) -> None:
        url = self.published.url
        self.published.publish(self.key)
        self.published.documents[DISCOVERY] |= {
            "authorization_endpoint": f"{url}/authorize?tenant=acme",
            "token_endpoint": url + TOKENS,
            "code_challenge_methods_supported": ["plain", "S256"],
        }
        self.published.answers[TOKENS] = self._redeem

    def led_to(self, address: str) -> dict[str, str]:
        """Somebody signs in at the address that a browser was led to; returns what it is told."""
        assert address.startswith(f"{self.published.url}/authorize?tenant=acme&")
        self.asked = dict(parse_qsl(urlsplit(address).query))
        self.claims, self.answer = {}, None
        code = f"{CODE}{len(self.codes)}"
        self.codes[code] = self.asked
        return {"code": code, "state": self.asked["state"]}

    def token(self, asked: dict[str, str]) -> str:
        """The ID token of whoever signed in, for what the issuer was asked."""
        usual = {**PERSON, "aud": CLIENT, "nonce": asked["nonce"]}
        claims = claims_of(self.published.url, time.time(), **{**usual, **self.claims})
        return signed(self.key, claims)

    def _redeem(self, handler: BaseHTTPRequestHandler) -> None:
        _, credential, form = self.published.forms[-1]
        pair = base64.b64encode(b"registry+page:a+secret%3A+of+%2B+the+page").decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        asked = self.codes.pop(form["code"], None)
        is_right = (
            asked is not None
            and credential == f"Basic {pair}"
            and challenge == asked["code_challenge"]
            and asked["code_challenge_method"] == "S256"
            and form["redirect_uri"] == asked["redirect_uri"]
            and form["grant_type"] == "authorization_code"
        )
        if asked is None or not is_right:
            send(handler, b'{"error": "invalid_grant"}', status=400)
            return
        answer = {"token_type": "bearer", "id_token": self.token(asked), "access_token": "x"}
        send(handler, json.dumps(self.answer or answer).encode())
