"""The HTTP API: one method for each endpoint, and the one loop that sends and sends again."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from ssl import SSLContext
from typing import Literal, Self
from urllib.parse import quote

import anyio
import httpx
from pydantic import BaseModel

from registry._answers import AnswerT, accepted, origin, parse
from registry._bounded import MAX_ANSWER_BYTES, send_bounded
from registry._certificates import told_certificates
from registry._credentials import Credentials
from registry._retry import TRANSIENT_STATUS, RetryPolicy, parse_retry_after
from registry.errors import AccessDeniedError, ProtocolError, UnavailableError
from registry.schemas import (
    CompleteRequest,
    Discovery,
    Downloads,
    Model,
    ModelPage,
    PartRequest,
    SignedParts,
    SignPartsRequest,
    UploadRequest,
    UploadSession,
    Version,
    VersionPage,
)
from registry.schemas.access import AuditPage, Identity, NewToken, TokenPage, TokenRequest

LONGEST_WAIT_SECONDS = 30
"""Longest time that query keeps a request open for a version to settle."""

Service = Literal["ingest", "query"]
Params = Mapping[str, str | int | float | None]


class Api:
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
                answer = await self._send("GET", f"{self.url}/v1", is_private=False)
                self._discovery = parse(answer, Discovery)
            return self._discovery

    async def identify(self) -> Identity:
        """Return who the caller is; the registry's own address is asked, nothing it leads to."""
        return parse(await self._send("GET", f"{self.url}/v1/me"), Identity)

    async def create_token(self, request: TokenRequest) -> NewToken:
        """Make a token; where the answer is lost another one, and nobody knows the first."""
        return parse(await self._call("ingest", "POST", "/v1/tokens", body=request), NewToken)

    async def list_tokens(self, cursor: str | None, limit: int) -> TokenPage:
        """Return a page of tokens."""
        params = {"cursor": cursor, "limit": limit}
        return parse(await self._call("ingest", "GET", "/v1/tokens", params=params), TokenPage)

    async def revoke_token(self, token_id: str) -> None:
        """Let a token count no more."""
        await self._call("ingest", "DELETE", f"/v1/tokens/{_part(token_id)}")

    async def open_upload(self, request: UploadRequest, key: str) -> tuple[UploadSession, bool]:
        """Open an upload; the second value is False where the key had opened it before."""
        headers = {"idempotency-key": key}
        response = await self._call("ingest", "POST", "/v1/uploads", body=request, headers=headers)
        return parse(response, UploadSession), response.status_code == 201

    async def get_upload(self, upload_id: str) -> UploadSession:
        """Return an upload as storage has it, with fresh URLs."""
        path = f"/v1/uploads/{_part(upload_id)}"
        return parse(await self._call("ingest", "GET", path), UploadSession)

    async def sign_parts(
        self, upload_id: str, path: str, parts: Sequence[PartRequest]
    ) -> SignedParts:
        """Return the signed requests that upload these parts of one file."""
        body = SignPartsRequest(path=path, parts=list(parts))
        address = f"/v1/uploads/{_part(upload_id)}/parts"
        return parse(await self._call("ingest", "POST", address, body=body), SignedParts)

    async def complete_upload(
        self, upload_id: str, sha256: Mapping[str, str] | None = None
    ) -> UploadSession:
        """Say that every byte has been sent."""
        body = CompleteRequest(sha256=dict(sha256 or {}))
        path = f"/v1/uploads/{_part(upload_id)}/complete"
        return parse(await self._call("ingest", "POST", path, body=body), UploadSession)

    async def abort_upload(self, upload_id: str) -> None:
        """Give an upload up; its bytes are removed."""
        await self._call("ingest", "DELETE", f"/v1/uploads/{_part(upload_id)}")

    async def list_models(self, cursor: str | None, limit: int) -> ModelPage:
        """Return a page of models."""
        return await self._get("/v1/models", ModelPage, {"cursor": cursor, "limit": limit})

    async def get_model(self, model: str) -> Model:
        """Return a registered model."""
        return await self._get(f"/v1/models/{_part(model)}", Model)

    async def list_versions(self, model: str, cursor: str | None, limit: int) -> VersionPage:
        """Return a page of a model's versions."""
        path = f"/v1/models/{_part(model)}/versions"
        return await self._get(path, VersionPage, {"cursor": cursor, "limit": limit})

    async def get_version(self, model: str, version: str | int) -> Version:
        """Return a version by number, label or "latest"."""
        return await self._get(f"/v1/models/{_part(model)}/versions/{_part(version)}", Version)

    async def get_version_by_id(self, version_id: str, wait_seconds: float = 0) -> Version:
        """Return a version by its id or by the caller's own, perhaps waiting until it settles."""
        wait = min(wait_seconds, LONGEST_WAIT_SECONDS) if wait_seconds > 0 else None
        return await self._get(f"/v1/versions/{_part(version_id)}", Version, {"wait": wait})

    async def get_downloads(
        self,
        model: str,
        version: str | int,
        path: str | None = None,
        cursor: str | None = None,
    ) -> Downloads:
        """Return a page of signed URLs for a version's artifacts, or for the one at `path`."""
        address = f"/v1/models/{_part(model)}/versions/{_part(version)}/downloads"
        return await self._get(address, Downloads, {"path": path, "cursor": cursor})

    async def list_audit(self, wanted: Params, cursor: str | None, limit: int) -> AuditPage:
        """Return a page of the audit."""
        return await self._get("/v1/audit", AuditPage, {**wanted, "cursor": cursor, "limit": limit})

    async def _get(self, path: str, answer: type[AnswerT], params: Params | None = None) -> AnswerT:
        return parse(await self._call("query", "GET", path, params=params), answer)

    async def _call(
        self,
        service: Service,
        method: str,
        path: str,
        *,
        body: BaseModel | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        found = await self.discover()
        base = found.ingest_url if service == "ingest" else found.query_url
        url = base.rstrip("/") + path
        return await self._send(method, url, body=body, params=params, headers=headers)

    async def _send(
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
        sent = dict(headers or {})
        if is_private:
            # Of the address as it will be connected to: no two readings of it can differ.
            sent |= self._credentials.headers_for(str(address))
        if content is not None:
            sent["content-type"] = "application/json"
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


def _part(value: str | int) -> str:
    text = quote(str(value), safe="")
    # A lone "." or ".." would be taken away as a step of the path.
    return text.replace(".", "%2E") if text in (".", "..") else text
