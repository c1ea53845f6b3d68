"""One method for each endpoint of the two services."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from registry._http import Services, parse
from registry.schemas import (
    CompleteRequest,
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

LONGEST_WAIT_SECONDS = 30
"""Longest time that query keeps a request open for a version to settle."""


class Api:
    """The endpoints; every call is idempotent, so each may be sent again."""

    def __init__(self, services: Services) -> None:
        self.services = services

    async def open_upload(self, request: UploadRequest, key: str) -> tuple[UploadSession, bool]:
        """Open an upload; the second value is False where the key had opened it before."""
        response = await self.services.send(
            "ingest", "POST", "/v1/uploads", body=request, headers={"idempotency-key": key}
        )
        return parse(response, UploadSession), response.status_code == 201

    async def get_upload(self, upload_id: str) -> UploadSession:
        """Return an upload as storage has it, with fresh URLs."""
        return await self.services.ask(
            "ingest", "GET", f"/v1/uploads/{_part(upload_id)}", UploadSession
        )

    async def sign_parts(
        self, upload_id: str, path: str, parts: Sequence[PartRequest]
    ) -> SignedParts:
        """Return the signed requests that upload these parts of one file."""
        return await self.services.ask(
            "ingest",
            "POST",
            f"/v1/uploads/{_part(upload_id)}/parts",
            SignedParts,
            body=SignPartsRequest(path=path, parts=list(parts)),
        )

    async def complete_upload(
        self, upload_id: str, sha256: Mapping[str, str] | None = None
    ) -> UploadSession:
        """Say that every byte has been sent."""
        return await self.services.ask(
            "ingest",
            "POST",
            f"/v1/uploads/{_part(upload_id)}/complete",
            UploadSession,
            body=CompleteRequest(sha256=dict(sha256 or {})),
        )

    async def abort_upload(self, upload_id: str) -> None:
        """Give an upload up; its bytes are removed."""
        await self.services.send("ingest", "DELETE", f"/v1/uploads/{_part(upload_id)}")

    async def list_models(self, cursor: str | None, limit: int) -> ModelPage:
        """Return a page of models."""
        return await self.services.ask(
            "query", "GET", "/v1/models", ModelPage, params={"cursor": cursor, "limit": limit}
        )

    async def get_model(self, model: str) -> Model:
        """Return a registered model."""
        return await self.services.ask("query", "GET", f"/v1/models/{_part(model)}", Model)

    async def list_versions(self, model: str, cursor: str | None, limit: int) -> VersionPage:
        """Return a page of a model's versions."""
        path = f"/v1/models/{_part(model)}/versions"
        params = {"cursor": cursor, "limit": limit}
        return await self.services.ask("query", "GET", path, VersionPage, params=params)

    async def get_version(self, model: str, version: str | int, wait_seconds: float = 0) -> Version:
        """Return a version by number, label or "latest", perhaps waiting until it settles."""
        path = f"/v1/models/{_part(model)}/versions/{_part(version)}"
        return await self.services.ask("query", "GET", path, Version, params=_wait(wait_seconds))

    async def get_version_by_id(self, version_id: str, wait_seconds: float = 0) -> Version:
        """Return a version by its id or by the caller's own, perhaps waiting until it settles."""
        path = f"/v1/versions/{_part(version_id)}"
        return await self.services.ask("query", "GET", path, Version, params=_wait(wait_seconds))

    async def get_downloads(
        self, model: str, version: str | int, path: str | None = None
    ) -> Downloads:
        """Return signed URLs for a version's artifacts, or for the one at `path`."""
        address = f"/v1/models/{_part(model)}/versions/{_part(version)}/downloads"
        return await self.services.ask("query", "GET", address, Downloads, params={"path": path})


def _part(value: str | int) -> str:
    text = quote(str(value), safe="")
    # A lone "." or ".." would be taken away as a step of the path.
    return text.replace(".", "%2E") if text in (".", "..") else text


def _wait(seconds: float) -> dict[str, str | int | float | None]:
    return {"wait": min(seconds, LONGEST_WAIT_SECONDS) if seconds > 0 else None}
