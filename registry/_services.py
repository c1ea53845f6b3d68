"""Both HTTP services, found through one address, and the one loop that sends and sends again."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from ssl import SSLContext
from typing import Literal, Self
from urllib.parse import quote

import anyio
import httpx
from pydantic import BaseModel

from registry._answers import AnswerT, accepted, origin, parse
from registry._bounded import MAX_ANSWER_BYTES, read_bounded, send_bounded
from registry._certificates import told_certificates
from registry._credentials import Credentials
from registry._retry import TRANSIENT_STATUS, RetryPolicy, parse_retry_after
from registry._tracing import trace_headers
from registry.errors import AccessDeniedError, ProtocolError, UnavailableError
from registry.schemas import Discovery

Service = Literal["ingest", "query"]
Params = Mapping[str, str | int | float | Sequence[str] | None]


class Services:
    """Both services, found through one address. Every call may be repeated: all are idempotent,
    but for the one that makes a token.

    Each raises ServiceError for a refusal, UnavailableError once the retries are used up,
    CertificateError for a service that is not trusted, and ProtocolError for an answer that breaks
    the contract.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout_seconds: float,
        retry: RetryPolicy,
        transport: httpx.AsyncBaseTransport | None,
        certificates: SSLContext | None = None,
    ) -> None:
        self.url = credentials.url.rstrip("/")
        self._credentials = credentials
        self._retry = retry
        self._lock = anyio.Lock()
        self._discovery: Discovery | None = None
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds, connect=10.0),
            headers={"accept": "application/json", "accept-encoding": "identity"},
            transport=transport,
            verify=True if certificates is None else certificates,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._http.aclose()

    async def discover(self) -> Discovery:
        """Return the addresses of everything; asks once."""
        async with self._lock:
            if self._discovery is None:
                answer = await self.send("GET", f"{self.url}/v1", is_private=False)
                self._discovery = parse(answer, Discovery)
            return self._discovery

    async def get(self, path: str, answer: type[AnswerT], params: Params | None = None) -> AnswerT:
        """Ask query, and return what it answers."""
        return parse(await self.call("query", "GET", path, params=params), answer)

    async def call(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        body: BaseModel | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request to a service until it is answered; returns the answer of a success."""
        found = await self.discover()
        base = found.ingest_url if service == "ingest" else found.query_url
        url = base.rstrip("/") + path
        return await self.send(method, url, body=body, params=params, headers=headers)

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: BaseModel | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        is_private: bool = True,
    ) -> httpx.Response:
        """Send a request until it is answered, and return the answer if it is a success.

        The token goes with it where `is_private`. A redirection is no success, and not followed.
        """
        address = self._address(url)
        content = None if body is None else body.model_dump_json().encode()
        given = {name: value for name, value in (params or {}).items() if value is not None}
        sent = {**trace_headers(), **(headers or {})}
        if is_private:
            # Of the address as it will be connected to: no two readings of it can differ.
            sent |= self._credentials.headers_for(str(address))
        if content is not None:
            sent.setdefault("content-type", "application/json")
        failures = 0
        while True:
            retry_after = None
            try:
                with told_certificates(origin(address)):
                    request = self._http.build_request(
                        method, address, content=content, params=given or None, headers=sent
                    )
                    response = await send_bounded(self._http, request, MAX_ANSWER_BYTES)
            except httpx.TransportError as error:
                cause, reason = error, f"{type(error).__name__}: {error}".rstrip(": ")
            else:
                if response.status_code not in TRANSIENT_STATUS:
                    return self._accepted(response)
                cause, reason = None, f"it answered {response.status_code}"
                retry_after = parse_retry_after(response.headers.get("retry-after"))
            failures += 1
            delay = self._retry.delay(failures, retry_after)
            if delay is None:
                raise UnavailableError(
                    f"no answer from {origin(address)}: {reason}",
                    retry_after_seconds=retry_after,
                ) from cause
            await anyio.sleep(delay)

    @asynccontextmanager
    async def streaming(
        self, path: str, params: Params, headers: Mapping[str, str], silent_seconds: float
    ) -> AsyncGenerator[httpx.Response]:
        """Have query's answer open inside the block, for as long as it goes on; asks once.

        Raises httpx.TransportError, also where nothing comes for so long; UnavailableError where
        the service says that it cannot answer now; and else what a call does.
        """
        address = self._address((await self.discover()).query_url.rstrip("/") + path)
        request = self._http.build_request(
            "GET",
            address,
            params={name: value for name, value in params.items() if value is not None},
            headers={
                **trace_headers(),
                **headers,
                **self._credentials.headers_for(str(address)),
            },
            timeout=httpx.Timeout(silent_seconds, connect=10.0),
        )
        request.headers["accept"] = "text/event-stream"
        with told_certificates(origin(address)):
            response = await self._http.send(request, stream=True)
        try:
            if response.status_code != HTTPStatus.OK:
                whole = await read_bounded(response, MAX_ANSWER_BYTES)
                if response.status_code in TRANSIENT_STATUS:
                    raise UnavailableError(
                        f"no stream from {origin(address)}: it answered {response.status_code}",
                        retry_after_seconds=parse_retry_after(response.headers.get("retry-after")),
                    )
                self._accepted(whole)
            yield response
        finally:
            await response.aclose()

    def _address(self, url: str) -> httpx.URL:
        try:
            return httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ProtocolError(f"{self.url} leads to what is no address: {error}") from None

    def _accepted(self, response: httpx.Response) -> httpx.Response:
        try:
            return accepted(response)
        except AccessDeniedError as error:
            if error.status == HTTPStatus.UNAUTHORIZED:
                error.add_note(self._credentials.remedy)
            raise


def segment(value: str | int) -> str:
    """Return a value as one segment of a path."""
    text = quote(str(value), safe="")
    # A lone "." or ".." would be taken away as a step of the path.
    return text.replace(".", "%2E") if text in (".", "..") else text
