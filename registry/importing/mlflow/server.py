"""Requests to an MLflow server: bounded, sent again where that may help, and never redirected."""

import base64
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, cast
from urllib.parse import quote

import anyio
import httpx

from registry._retry import TRANSIENT_STATUS, RetryPolicy, parse_retry_after
from registry.errors import InvalidRequestError, ProtocolError, UnavailableError
from registry.importing.sources import ImportRefused

ANSWER_SECONDS = 60.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A page of 1,000 versions, each with many tags, takes some MiB."""
TOKEN_VARIABLE = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - a variable's name
USER_VARIABLE = "MLFLOW_TRACKING_USERNAME"
PASSWORD_VARIABLE = "MLFLOW_TRACKING_PASSWORD"  # noqa: S105 - a variable's name

NOT_MLFLOW = "the server does not answer as MLflow does"

Fields = Mapping[str, Any]
Query = Mapping[str, str | int]


class NotThere(ImportRefused):
    """The server has no such thing."""


class MlflowServer:
    """One MLflow server, at the address that MLFLOW_TRACKING_URI would name."""

    def __init__(
        self,
        address: str,
        certificates: SSLContext,
        retry: RetryPolicy,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` carries the requests, for tests."""
        self.address = address.rstrip("/")
        if not self.address.startswith(("http://", "https://")):
            rule = "must be the http(s) address of an MLflow server"
            raise InvalidRequestError(
                f"the tracking uri {rule}", code="invalid_request", status=422
            )
        self._retry = retry
        self._client = httpx.AsyncClient(
            headers=_credential(),
            verify=certificates,
            transport=transport,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=10.0),
            limits=httpx.Limits(max_connections=64),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def get(self, path: str, query: Query) -> Fields:
        """Return the answer to a read of MLflow's REST interface.

        Raises NotThere, ImportRefused for another refusal, UnavailableError, ProtocolError.
        """
        answer = await self._sent(f"{self.address}/api/2.0/{path}", query)
        told = _json(answer)
        if answer.status_code == HTTPStatus.OK:
            return told
        message = str(told.get("message") or answer.text[:300])
        refused = f"MLflow refuses {path}: {answer.status_code} {message}"
        raise (
            NotThere(refused)
            if answer.status_code == HTTPStatus.NOT_FOUND
            else ImportRefused(refused)
        )

    def streamed(self, path: str) -> AbstractAsyncContextManager[httpx.Response]:
        """Begin to read a file below the proxied artifacts; its bytes come as they are read.

        Where that leads elsewhere, as to a signed URL of storage, the credential stays behind.
        """
        url = f"{self.address}/api/2.0/mlflow-artifacts/artifacts/{quote(path)}"
        return self._client.stream("GET", url, follow_redirects=True)

    async def pause(self, failures: int, told: str, retry_after: str | None = None) -> None:
        """Wait before something is tried again; raises UnavailableError after too many failures."""
        delay = self._retry.delay(failures, parse_retry_after(retry_after))
        if delay is None:
            raise UnavailableError(f"{self.address} does not answer: {told}")
        await anyio.sleep(delay)

    async def _sent(self, url: str, query: Query) -> httpx.Response:
        failures = 0
        while True:
            retry_after = None
            try:
                answer = await self._read(url, query)
                if answer.status_code not in TRANSIENT_STATUS:
                    return answer
                told, retry_after = str(answer.status_code), answer.headers.get("retry-after")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                told = str(error) or type(error).__name__
            failures += 1
            await self.pause(failures, told, retry_after)

    async def _read(self, url: str, query: Query) -> httpx.Response:
        async with self._client.stream("GET", url, params=query) as answer:
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise ProtocolError(f"{self.address} answers more than anybody asked for")
        kept = {name: value for name, value in answer.headers.items() if name == "retry-after"}
        return httpx.Response(answer.status_code, headers=kept, content=bytes(content))


@contextmanager
def understood() -> Generator[None]:
    """Turn what an answer lacks, or has in another shape, into ProtocolError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ProtocolError(NOT_MLFLOW) from error


def listed(told: Fields, name: str) -> Sequence[Fields]:
    """Return a list of objects that an answer has, or not; raises ProtocolError."""
    found: Any = told.get(name) or []
    if not isinstance(found, list):
        raise ProtocolError(NOT_MLFLOW)
    items = cast("list[Any]", found)
    if not all(isinstance(each, dict) for each in items):
        raise ProtocolError(NOT_MLFLOW)
    return items


def _credential() -> dict[str, str]:
    """Return what MLflow's own client would send, by its own variables."""
    if token := os.environ.get(TOKEN_VARIABLE):
        return {"authorization": f"Bearer {token}"}
    user, password = os.environ.get(USER_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
    if user and password:
        return {
            "authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        }
    return {}


def _json(answer: httpx.Response) -> Fields:
    try:
        told: Any = answer.json()
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        if answer.status_code == HTTPStatus.OK:
            raise ProtocolError(NOT_MLFLOW)
        return {}
    return cast("Fields", told)
