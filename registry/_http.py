"""Questions to the services: discovery once, retries, and one place that raises errors."""

from collections.abc import Mapping
from ssl import SSLContext
from typing import Any, Literal, Self, TypeVar

import anyio
import httpx
from pydantic import BaseModel, ValidationError

from registry._problems import error_from_problem
from registry._retry import TRANSIENT_STATUS, RetryPolicy, parse_retry_after
from registry.errors import ProtocolError, UnavailableError
from registry.schemas import Discovery

Service = Literal["ingest", "query"]
Params = Mapping[str, str | int | float | None]
AnswerT = TypeVar("AnswerT", bound=BaseModel)


class Services:
    """JSON over HTTP with ingest and query, found through one address."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        retry: RetryPolicy,
        transport: httpx.AsyncBaseTransport | None,
        certificates: SSLContext | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._retry = retry
        self._lock = anyio.Lock()
        self._discovery: Discovery | None = None
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_seconds, connect=10.0),
            headers={"accept": "application/json"},
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

    async def discover(self, *, again: bool = False) -> Discovery:
        """Return the addresses of everything; asks once, and `again` on request."""
        async with self._lock:
            if self._discovery is None or again:
                answer = await self._send("GET", f"{self.url}/v1")
                self._discovery = parse(answer, Discovery)
            return self._discovery

    async def ask(
        self,
        service: Service,
        method: str,
        path: str,
        answer: type[AnswerT],
        *,
        body: BaseModel | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AnswerT:
        """Send a request to a service and return its answer, parsed.

        Raises ServiceError for a refusal, UnavailableError once the retries are used up.
        """
        response = await self.send(service, method, path, body=body, params=params, headers=headers)
        return parse(response, answer)

    async def send(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        body: BaseModel | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request to a service and return its answer as it is, a success in any case."""
        found = await self.discover()
        base = found.ingest_url if service == "ingest" else found.query_url
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return await self._send(
            method, base.rstrip("/") + path, body=body, params=given or None, headers=headers
        )

    async def _send(
        self,
        method: str,
        url: str,
        *,
        body: BaseModel | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        content = None if body is None else body.model_dump_json().encode()
        sent = dict(headers or {})
        if content is not None:
            sent["content-type"] = "application/json"
        failures = 0
        while True:
            retry_after = None
            try:
                response = await self._http.request(
                    method, url, content=content, params=params, headers=sent
                )
            except httpx.TransportError as error:
                cause, reason = error, f"{type(error).__name__}: {error}".rstrip(": ")
            else:
                if response.status_code not in TRANSIENT_STATUS:
                    return _accept(response)
                cause, reason = None, f"it answered {response.status_code}"
                retry_after = parse_retry_after(response.headers.get("retry-after"))
            failures += 1
            delay = self._retry.delay(failures, retry_after)
            if delay is None:
                raise UnavailableError(
                    f"no answer from {_place(url)}: {reason}", retry_after_seconds=retry_after
                ) from cause
            await anyio.sleep(delay)


def _place(url: str) -> str:
    parsed = httpx.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode()}"


def _accept(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        problem: object = response.json()
    except ValueError:
        problem = None
    raise error_from_problem(response.status_code, problem)


def parse(response: httpx.Response, answer: type[AnswerT]) -> AnswerT:
    """Read an answer; raises ProtocolError naming the fields that are missing or wrong."""
    try:
        return answer.model_validate_json(response.content)
    except ValidationError as error:
        place = _place(str(response.request.url))
        fields = ", ".join(".".join(map(str, item["loc"])) for item in error.errors()[:3])
        raise ProtocolError(
            f"{place} did not answer as a model registry does"
            f" ({answer.__name__}{': ' if fields else ''}{fields})"
        ) from None
