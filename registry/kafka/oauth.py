"""Tokens for OAUTHBEARER: asked for with the client's credentials, and kept until they grow old.

RFC 6749, section 4.4 (client credentials). Any number of connections share one token.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from ssl import SSLContext
from typing import Any, cast
from urllib.parse import quote_plus

import httpx
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

TIMEOUT_SECONDS = 10.0
"""Limit for one answer of the token address."""
MAX_ANSWER_BYTES = 64 * 1024
RENEWED_AT = 0.8
"""Share of its life after which a token is renewed; until it ends it serves where that fails."""
USUAL_LIFE_SECONDS = 300.0
"""Life of a token whose answer does not say how long it lives."""
PAUSE_SECONDS = 5.0
"""After a failed renewal of a token that still lives, the next one is not tried for so long."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750; anything else would break the message

logger = logging.getLogger(__name__)


class TokenUnavailable(KafkaError):
    """No token is to be had; to aiokafka it is a connection that could not be made."""

    def __init__(self, reason: str, *, is_refused: bool = False) -> None:
        super().__init__(f"no token: {reason}")
        self.is_refused = is_refused
        """Whether the address answers and refuses the credentials: waiting mends nothing."""


class ClientCredentials(AbstractTokenProvider):
    """Gives aiokafka a token that lives. It belongs to one event loop."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        context: SSLContext,
        scope: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._context, self._clock = url, context, clock
        # As the RFC says (2.3.1): encoded as in a form, before they become a header.
        self._credentials = (quote_plus(client_id), quote_plus(client_secret))
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._lock = asyncio.Lock()
        self._token = ""
        self._renewed_at = self._ends_at = clock()

    async def token(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride] - untyped there
        """Return a token, asking for one where there is none or it grows old.

        Raises TokenUnavailable.
        """
        async with self._lock:
            now = self._clock()
            if not self._token or now >= self._renewed_at:
                try:
                    await self._renew(now)
                except TokenUnavailable as error:
                    if not self._token or self._clock() >= self._ends_at:
                        raise
                    logger.warning("the token could not be renewed: %s", error)
                    self._renewed_at = self._clock() + PAUSE_SECONDS
            return self._token

    async def _renew(self, now: float) -> None:
        answer = await self._ask()
        token, life = answer.get("access_token"), answer.get("expires_in", USUAL_LIFE_SECONDS)
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise TokenUnavailable("the answer has none")
        try:
            seconds = float(life)
        except (TypeError, ValueError):
            raise TokenUnavailable("the answer does not say how long it lives") from None
        self._token = token
        self._renewed_at, self._ends_at = now + seconds * RENEWED_AT, now + seconds

    async def _ask(self) -> dict[str, Any]:
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                httpx.AsyncClient(verify=self._context, timeout=TIMEOUT_SECONDS) as client,
                client.stream(
                    "POST",
                    self._url,
                    data=self._form,
                    auth=self._credentials,
                    headers={"accept": "application/json"},
                ) as response,
            ):
                body = await _limited(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            # Its text may be the address, never the credentials.
            raise TokenUnavailable(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        return _parsed(response.status_code, body)


async def _limited(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise TokenUnavailable("the answer is too large")
    return bytes(body)


def _parsed(status: int, body: bytes) -> dict[str, Any]:
    """Return the members of an answer; raises TokenUnavailable where it is none or a refusal."""
    import json

    try:
        content: object = json.loads(body)
    except ValueError:
        content = None
    members = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if status == 200:
        return members
    # Section 5.2: 400 or 401 with a code, such as invalid_client. Other texts are not repeated.
    code = members.get("error")
    told = f" {code}" if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else ""
    raise TokenUnavailable(
        f"the token address answered {status}{told}", is_refused=status in (400, 401, 403)
    )
