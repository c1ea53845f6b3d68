"""What changes something and comes to query all the same: it is handed on to ingest.

Clients of other tools know one address only (HF_ENDPOINT, MLFLOW_REGISTRY_URI). A redirect would
not do: they leave their credential behind when the host or port changes. So query sends the request
on with the caller's own credential, and ingest decides as if it had been asked itself. What is
handed on is small: a body has the limit of all requests, and bytes of models go to storage.

Forms of pages become requests of the API: those are asked in the name of whoever sent the form.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import httpx
from fastapi import Request
from fastapi.responses import Response

from shared.domain.access.browser_sessions import SessionText
from shared.domain.errors import InvalidRequest, TooManyRequests, Unavailable
from shared.runtime.logs import get_logger
from shared.runtime.pem_files import load_authorities
from shared.runtime.settings import Settings
from shared.runtime.telemetry.tracing import current_trace
from shared.web.access.browser_sessions import BrowserSessions
from shared.web.access.entrance import SESSION
from shared.web.guard import address_of

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
MAX_CONNECTIONS = 32
"""Requests that are handed on at once; one more waits for CONNECT_SECONDS, and is then refused."""
MAX_ANSWER_BYTES = 8 * 1024 * 1024
MAX_TARGET_CHARACTERS = 16 * 1024
"""Of path and query. Some of a path have three here, and httpx takes no address of 64 KiB."""
_SENT = ("authorization", "content-type", "accept", "idempotency-key", "if-match", "if-none-match")
_KEPT = ("content-type", "etag", "location", "link", "retry-after", "www-authenticate", "warning")
"""Headers of an answer that are passed on, beside those of a protocol: x-…"""
_OWN = ("x-request-id", "x-content-type-options")

log = get_logger(__name__)


class Forwarding:
    """Hands requests on to ingest."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def forward(
        self, request: Request, path: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return ingest's answer to this request, whatever its status.

        `path` is the one at ingest, quoted, with its query where it has one; None: as it came.
        `headers` are added to those of the request that ingest is told of.

        Raises Unavailable where ingest does not answer, TooManyRequests where too many requests are
        handed on, and InvalidRequest for a path that would not come to ingest as it is.
        """
        sent = {name: value for name, value in request.headers.items() if name in _SENT}
        target = _target(request) if path is None else path
        content = await request.body()
        return await self._send(
            request, request.method, target, content, {**sent, **(headers or {})}
        )

    async def ask(
        self,
        request: Request,
        method: str,
        path: str,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return ingest's answer to a request of our own, with the credential of `request`.

        Raises as `forward` does.
        """
        credential = request.headers.get("authorization")
        own = {"authorization": credential} if credential else {}
        return await self._send(request, method, path, content, {**own, **(headers or {})})

    async def _send(
        self,
        request: Request,
        method: str,
        target: str,
        content: bytes,
        headers: Mapping[str, str],
    ) -> Response:
        sent = {**headers, "x-request-id": request.state.request_id}
        if trace := current_trace():
            sent |= trace.headers()
        if address := address_of(request.scope):
            sent["x-forwarded-for"] = address
        session: SessionText | None = getattr(request.state, SESSION, None)
        if session is not None:  # in whose place ingest is told a credential that no cookie has
            sessions: BrowserSessions = request.state.browser_sessions
            sent["authorization"] = f"Bearer {await sessions.handed_on(session)}"
        try:
            async with self._client.stream(
                method,
                _required(target),
                content=content,
                # As they came: a header may have any byte.
                headers=httpx.Headers(sent, encoding="latin-1"),
            ) as answer:
                told = await _content(answer)
        except httpx.PoolTimeout:
            raise TooManyRequests(
                "too_many_requests", "too many requests are handed on to ingest; try again"
            ) from None
        except httpx.HTTPError as error:
            log.warning("ingest does not answer", error=type(error).__name__)
            raise Unavailable("ingest_unavailable", "ingest does not answer; try again") from error
        kept = {name: value for name, value in answer.headers.items() if _is_kept(name)}
        return Response(told, answer.status_code, kept)


@asynccontextmanager
async def open_forwarding(settings: Settings) -> AsyncGenerator[Forwarding]:
    """Open the connections to ingest; none is made before the first request."""
    async with httpx.AsyncClient(
        base_url=settings.ingest_internal_url or settings.ingest_url,
        verify=load_authorities(settings.ingest_ca_file),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=MAX_CONNECTIONS),
        trust_env=False,
    ) as client:
        yield Forwarding(client)


def _is_kept(name: str) -> bool:
    return name in _KEPT or (name.startswith("x-") and name not in _OWN)


def _target(request: Request) -> str:
    """Return path and query as they came: a decoded path could not be told from another one."""
    raw: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return raw.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")


def _required(target: str) -> str:
    """Return a path and its query, where the client of HTTP sends it as it is.

    Of `..` it would make another path, which no route of query has let through.
    """
    path = target.partition("?")[0]
    if not {".", ".."}.isdisjoint(path.split("/")):
        raise InvalidRequest("path", "must have no . or .. between slashes")
    if len(target) > MAX_TARGET_CHARACTERS:
        raise InvalidRequest("path", f"must be at most {MAX_TARGET_CHARACTERS} characters")
    return target


async def _content(answer: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise httpx.DecodingError("the answer is too large")
    return bytes(content)
