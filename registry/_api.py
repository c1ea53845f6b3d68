"""The HTTP API: one method for each endpoint."""

from collections.abc import Mapping, Sequence

from registry._answers import parse
from registry._services import Params, Services, segment
from registry.schemas import (
    CompleteRequest,
    Downloads,
    Model,
    ModelPage,
    PartRequest,
    ReuseRequest,
    SignedParts,
    SignPartsRequest,
    UploadRequest,
    UploadSession,
    Version,
    VersionPage,
)
from registry.schemas.access import AuditPage, Identity, NewToken, TokenPage, TokenRequest
from registry.schemas.comparison import Comparison

LONGEST_WAIT_SECONDS = 30
"""Longest time that query keeps a request open for a version to settle."""


class Api(Services):
    """The endpoints of both services; it raises what these do."""

    async def identify(self) -> Identity:
        """Return who the caller is; the registry's own address is asked, nothing it leads to."""
        return parse(await self.send("GET", f"{self.url}/v1/me"), Identity)

    async def create_token(self, request: TokenRequest) -> NewToken:
        """Make a token; where the answer is lost another one, and nobody knows the first."""
        return parse(await self.call("ingest", "POST", "/v1/tokens", body=request), NewToken)

    async def list_tokens(self, cursor: str | None, limit: int) -> TokenPage:
        """Return a page of tokens."""
        params = {"cursor": cursor, "limit": limit}
        return parse(await self.call("ingest", "GET", "/v1/tokens", params=params), TokenPage)

    async def revoke_token(self, token_id: str) -> None:
        """Let a token count no more."""
        await self.call("ingest", "DELETE", f"/v1/tokens/{segment(token_id)}")

    async def open_upload(
        self, request: UploadRequest, key: str, *, reuse: bool = False
    ) -> tuple[UploadSession, bool]:
        """Open an upload; the second value is False where the key had opened it before.

        With `reuse`, files whose bytes are stored already need not be sent.
        """
        response = await self.call(
            "ingest",
            "POST",
            "/v1/uploads",
            body=request,
            params={"reuse": "true" if reuse else None},
            headers={"idempotency-key": key},
        )
        return parse(response, UploadSession), response.status_code == 201

    async def get_upload(self, upload_id: str) -> UploadSession:
        """Return an upload as storage has it, with fresh URLs."""
        path = f"/v1/uploads/{segment(upload_id)}"
        return parse(await self.call("ingest", "GET", path), UploadSession)

    async def sign_parts(
        self, upload_id: str, path: str, parts: Sequence[PartRequest]
    ) -> SignedParts:
        """Return the signed requests that upload these parts of one file."""
        body = SignPartsRequest(path=path, parts=list(parts))
        address = f"/v1/uploads/{segment(upload_id)}/parts"
        return parse(await self.call("ingest", "POST", address, body=body), SignedParts)

    async def complete_upload(
        self, upload_id: str, sha256: Mapping[str, str] | None = None
    ) -> UploadSession:
        """Say that every byte has been sent."""
        body = CompleteRequest(sha256=dict(sha256 or {}))
        path = f"/v1/uploads/{segment(upload_id)}/complete"
        return parse(await self.call("ingest", "POST", path, body=body), UploadSession)

    async def reuse(self, upload_id: str, sha256: Mapping[str, str]) -> UploadSession:
        """Tell what files are, so that those which are stored already need not be sent."""
        body = ReuseRequest(sha256=dict(sha256))
        path = f"/v1/uploads/{segment(upload_id)}/reuse"
        return parse(await self.call("ingest", "POST", path, body=body), UploadSession)

    async def abort_upload(self, upload_id: str) -> None:
        """Give an upload up; its bytes are removed."""
        await self.call("ingest", "DELETE", f"/v1/uploads/{segment(upload_id)}")

    async def list_models(self, cursor: str | None, limit: int) -> ModelPage:
        """Return a page of models."""
        return await self.get("/v1/models", ModelPage, {"cursor": cursor, "limit": limit})

    async def get_model(self, model: str) -> Model:
        """Return a registered model."""
        return await self.get(f"/v1/models/{segment(model)}", Model)

    async def list_versions(self, model: str, cursor: str | None, limit: int) -> VersionPage:
        """Return a page of a model's versions."""
        path = f"/v1/models/{segment(model)}/versions"
        return await self.get(path, VersionPage, {"cursor": cursor, "limit": limit})

    async def get_version(self, model: str, version: str | int) -> Version:
        """Return a version by number, label, "@alias" or "latest"."""
        named, at = named_version(version)
        address = f"/v1/models/{segment(model)}/versions/{segment(named)}"
        return await self.get(address, Version, {"at": at})

    async def get_version_by_id(self, version_id: str, wait_seconds: float = 0) -> Version:
        """Return a version by its id or by the caller's own, perhaps waiting until it settles."""
        wait = min(wait_seconds, LONGEST_WAIT_SECONDS) if wait_seconds > 0 else None
        return await self.get(f"/v1/versions/{segment(version_id)}", Version, {"wait": wait})

    async def get_downloads(
        self,
        model: str,
        version: str | int,
        path: str | None = None,
        cursor: str | None = None,
    ) -> Downloads:
        """Return a page of signed URLs for a version's artifacts, or for the one at `path`."""
        named, at = named_version(version)
        address = f"/v1/models/{segment(model)}/versions/{segment(named)}/downloads"
        return await self.get(address, Downloads, {"path": path, "cursor": cursor, "at": at})

    async def compare(
        self, model: str, versions: Sequence[str | int], limit: int | None
    ) -> Comparison:
        """Return versions of a model side by side."""
        params = {"versions": [str(each) for each in versions], "limit": limit}
        return await self.get(f"/v1/models/{segment(model)}/compare", Comparison, params)

    async def list_audit(self, wanted: Params, cursor: str | None, limit: int) -> AuditPage:
        """Return a page of the audit."""
        return await self.get("/v1/audit", AuditPage, {**wanted, "cursor": cursor, "limit": limit})


def named_version(version: str | int) -> tuple[str | int, str | None]:
    """Return a version's name, and the moment of an alias: `@production?at=TIME`."""
    if not isinstance(version, str) or not version.startswith("@"):
        return version, None
    alias, _, at = version.partition("?at=")
    return alias, at or None
