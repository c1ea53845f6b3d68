"""Signed requests to storage, one attempt each, and what came of them; downloads read elsewhere."""

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ssl import SSLContext
from typing import Literal

import httpx

from registry._answers import origin
from registry._bounded import send_bounded
from registry._certificates import told_certificates
from registry._retry import TRANSIENT_STATUS, parse_retry_after
from registry.errors import ProtocolError
from registry.schemas import SignedRequest

MAX_ANSWER_BYTES = 1024 * 1024
"""Of storage, to a PUT: nothing, or an error of some hundred bytes."""
_S3_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_TRANSIENT_CODES = frozenset(("RequestTimeout", "IncompleteBody", "SlowDown", "InternalError"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one signed request."""

    kind: Literal["done", "denied", "refused", "transient"]
    """denied: 403, perhaps only an expired URL; refused: asking again will not help."""
    status: int = 0
    """HTTP status; 0 where no answer came."""
    code: str = ""
    """S3's error code, where there was one."""
    detail: str = ""
    retry_after_seconds: float | None = None


def classify(status: int, body: bytes, retry_after: str | None) -> Outcome:
    """Say what storage's answer to a PUT means.

    412 to a PUT that signs `if-none-match: *` means that an earlier attempt arrived.
    """
    if 200 <= status < 300 or status == 412:
        return Outcome("done", status)
    return refusal(status, body, retry_after)


def refusal(status: int, body: bytes, retry_after: str | None) -> Outcome:
    """Say what an answer that is no success means."""
    match = _S3_CODE.search(body)
    code = match.group(1).decode() if match else ""
    detail = f"storage answered {status}{f' {code}' if code else ''}"
    if status in TRANSIENT_STATUS or code in _TRANSIENT_CODES:
        return Outcome("transient", status, code, detail, parse_retry_after(retry_after))
    return Outcome("denied" if status == 403 else "refused", status, code, detail)


def lost(error: httpx.TransportError) -> Outcome:
    """Say that no answer came; httpx's own text never holds the URL."""
    return Outcome("transient", detail=f"storage: {type(error).__name__}: {error}".rstrip(": "))


class Storage:
    """Connections to storage for uploads. It knows no credentials but the signed URLs."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        concurrency: int,
        transport: httpx.AsyncBaseTransport | None,
        certificates: SSLContext,
    ) -> None:
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
            headers={"accept-encoding": "identity"},
            transport=transport,
            verify=certificates,
        )

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._http.aclose()

    async def put(self, signed: SignedRequest, body: AsyncIterator[bytes]) -> Outcome:
        """Send bytes with exactly the signed headers, once.

        Raises CertificateError; and ProtocolError for what cannot be sent, or an endless answer.
        """
        try:
            request = self._http.build_request(
                "PUT", signed.url, headers=signed.headers, content=body
            )
        except (httpx.InvalidURL, UnicodeEncodeError):  # either would tell some of it
            raise ProtocolError("the registry signed what is no address, or no headers") from None
        try:
            with told_certificates(origin(request.url)):
                response = await send_bounded(self._http, request, MAX_ANSWER_BYTES)
        except httpx.TransportError as error:
            return lost(error)
        return classify(response.status_code, response.content, response.headers.get("retry-after"))


class HideSignatures(logging.Filter):
    """Takes the query off signed URLs in log records: httpx logs every URL at level INFO."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's URLs and let it pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(value) for value in record.args)
        return True


def _hidden(value: object) -> object:
    signed = isinstance(value, httpx.URL) and "x-amz-signature" in str(value).lower()
    return value.copy_with(query=None) if isinstance(value, httpx.URL) and signed else value


logging.getLogger("httpx").addFilter(HideSignatures())
