"""Steps of an uploader, over plain HTTP: the tests show the protocol, not our client."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from registry.schemas import (
    Downloads,
    FilePlan,
    NewToken,
    SignedParts,
    SignedRequest,
    UploadSession,
    Version,
)

MIB = 1024 * 1024


def sha256_of(data: bytes) -> str:
    """The digest as the API writes it."""
    return hashlib.sha256(data).hexdigest()


def file_of(path: str, data: bytes, *, digest: bool = True) -> dict[str, Any]:
    """A file of an upload request."""
    told = {"sha256": sha256_of(data)} if digest else {}
    return {"path": path, "size_bytes": len(data), **told}


@dataclass(frozen=True)
class Api:
    """Clients of both services and of storage."""

    ingest: httpx.AsyncClient
    query: httpx.AsyncClient
    storage: httpx.AsyncClient

    async def open(self, model: str, *files: dict[str, Any], **fields: Any) -> UploadSession:
        """Open an upload session that must be granted."""
        body = {"model": model, "files": files, **fields}
        answer = await self.ingest.post("/v1/uploads", json=body)
        assert answer.status_code == 201, answer.text
        return UploadSession.model_validate_json(answer.content)

    async def token(self, *grants: str) -> NewToken:
        """Make a token with these grants."""
        body = {"name": "a test", "grants": grants}
        answer = await self.ingest.post("/v1/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return NewToken.model_validate_json(answer.content)

    async def send(
        self, request: SignedRequest | None, data: bytes, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send bytes by a signed request, as it stands but for the given headers."""
        assert request is not None, "there is something to send"
        return await self.storage.put(
            request.url, content=data, headers={**request.headers, **(headers or {})}
        )

    async def put(self, plan: FilePlan, data: bytes) -> None:
        """Send a file that goes by one PUT."""
        answer = await self.send(plan.put, data)
        assert answer.status_code == 200, answer.text

    async def sign(
        self, session: UploadSession, path: str, parts: Mapping[int, bytes]
    ) -> SignedParts:
        """Have parts signed."""
        wanted = [{"number": number, "sha256": sha256_of(data)} for number, data in parts.items()]
        body = {"path": path, "parts": wanted}
        answer = await self.ingest.post(f"/v1/uploads/{session.upload_id}/parts", json=body)
        assert answer.status_code == 200, answer.text
        return SignedParts.model_validate_json(answer.content)

    async def put_parts(
        self, session: UploadSession, path: str, parts: Mapping[int, bytes]
    ) -> None:
        """Have parts signed, and send them."""
        for signed in (await self.sign(session, path, parts)).parts:
            answer = await self.send(signed, parts[signed.number])
            assert answer.status_code == 200, answer.text

    async def complete(self, session: UploadSession, **body: Any) -> httpx.Response:
        """Say that every byte has been sent."""
        return await self.ingest.post(f"/v1/uploads/{session.upload_id}/complete", json=body)

    async def session(self, session: UploadSession) -> UploadSession:
        """Read the session anew."""
        answer = await self.ingest.get(f"/v1/uploads/{session.upload_id}")
        assert answer.status_code == 200, answer.text
        return UploadSession.model_validate_json(answer.content)

    async def version(self, model: str, version: object, *, wait: float = 0) -> Version:
        """Look a version up; with `wait`, once it has settled."""
        answer = await self.query.get(
            f"/v1/models/{model}/versions/{version}", params={"wait": wait}
        )
        assert answer.status_code == 200, answer.text
        return Version.model_validate_json(answer.content)

    async def ready(self, session: UploadSession) -> Version:
        """Wait until the session's version has settled, which must be as ready."""
        found = await self.version(session.model, session.number, wait=30)
        assert found.state == "ready", found
        return found

    async def downloads(self, model: str, version: object, **params: Any) -> Downloads:
        """Ask for signed URLs and part digests: one page."""
        answer = await self.query.get(
            f"/v1/models/{model}/versions/{version}/downloads", params=params
        )
        assert answer.status_code == 200, answer.text
        return Downloads.model_validate_json(answer.content)

    async def download(self, model: str, version: object, path: str) -> bytes:
        """Fetch a file by its signed URL."""
        [signed] = (await self.downloads(model, version, path=path)).files
        return (await self.storage.get(signed.url)).raise_for_status().content


def parts_of(data: bytes, size: int) -> dict[int, bytes]:
    """Cut data into numbered parts."""
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return dict(enumerate(pieces, 1))
