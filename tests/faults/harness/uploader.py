"""A load generator: uploads over plain HTTP that go on through outages, and a ledger of them."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx

from registry.schemas import FilePlan, SignedParts, SignedRequest, UploadSession
from tests.faults.harness.ledger import Ledger, Outcome, Upload
from tests.support.access import BEARER
from tests.support.api import file_of, parts_of, sha256_of

PAUSE_SECONDS = 0.2
THERE_ALREADY = 412
"""Storage's answer to a second write: the first one arrived, only its answer did not."""


class Refused(Exception):
    """An answer that repeating does not change."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.status_code}: {answer.text[:500]}")
        self.status = answer.status_code
        self.is_verdict = "version_rejected" in answer.text
        """Whether the version was rejected: that answers the upload."""


class Uploader:
    """Uploads, each step repeated until it is answered."""

    def __init__(
        self, ingest_url: str, client: httpx.AsyncClient, ledger: Ledger, patience_seconds: float
    ) -> None:
        self.ledger = ledger
        self._ingest = ingest_url
        self._client = client
        self._patience = patience_seconds
        self.unanswered = 0
        """Requests that got no answer within the client's limit, or lost their connection."""
        self.longest_answer_seconds = 0.0

    async def upload(
        self,
        model: str,
        data: bytes | Mapping[str, bytes],
        *,
        outcome: Outcome = "ready",
        **fields: Any,
    ) -> Upload:
        """Upload one version; returns once it is confirmed, refused, or patience is at its end."""
        files = {"model.bin": data} if isinstance(data, bytes) else data
        upload = self.intend(model, files, outcome=outcome)
        try:
            async with asyncio.timeout(self._patience):
                session = await self.open(upload, files, **fields)
                await self.send(session, files)
                upload.confirmed = True
        except Refused as refusal:
            upload.refused = "" if refusal.is_verdict else str(refusal)
            upload.confirmed = refusal.is_verdict
        except TimeoutError:
            pass  # opened at most: nothing was promised
        return upload

    def intend(
        self, model: str, files: Mapping[str, bytes], *, outcome: Outcome = "ready"
    ) -> Upload:
        """Enter an upload into the ledger, before anything of it is sent."""
        upload = Upload(
            uuid4().hex,
            model,
            {path: sha256_of(data) for path, data in files.items()},
            {path: len(data) for path, data in files.items()},
            outcome,
        )
        self.ledger.uploads[upload.key] = upload
        return upload

    async def open(
        self, upload: Upload, files: Mapping[str, bytes], **fields: Any
    ) -> UploadSession:
        """Open the session, with the same idempotency key at each try."""
        body = {
            "model": upload.model,
            "files": [file_of(path, data) for path, data in files.items()],
            **fields,
        }
        headers = {"Idempotency-Key": upload.key}
        answer = await self._post("/v1/uploads", body, headers)
        session = UploadSession.model_validate_json(answer.content)
        upload.opened, upload.number = True, session.number
        return session

    async def send(self, session: UploadSession, files: Mapping[str, bytes]) -> None:
        """Send every file, and complete the session where parts were sent."""
        for plan in session.files:
            if plan.kind == "put":
                await self.put(plan, files[plan.path])
            else:
                await self.put_parts(session, plan, files[plan.path])
        if any(plan.kind == "multipart" for plan in session.files):
            await self.complete(session)

    async def put(self, plan: FilePlan, data: bytes) -> None:
        """Send a file that goes by one PUT."""
        if plan.uploaded:
            return
        assert plan.put is not None, plan
        await self._send(plan.put, data)

    async def put_parts(self, session: UploadSession, plan: FilePlan, data: bytes) -> None:
        """Have a file's parts signed, and send them."""
        parts = parts_of(data, plan.part_size_bytes or len(data))
        wanted = [{"number": number, "sha256": sha256_of(part)} for number, part in parts.items()]
        body = {"path": plan.path, "parts": wanted}
        answer = await self._post(f"/v1/uploads/{session.upload_id}/parts", body)
        for signed in SignedParts.model_validate_json(answer.content).parts:
            await self._send(signed, parts[signed.number])

    async def complete(self, session: UploadSession) -> None:
        """Say that every byte has been sent, until that is answered."""
        await self._post(f"/v1/uploads/{session.upload_id}/complete", {})

    async def abort(self, upload_id: str) -> None:
        """Give the upload up."""
        await self._until_answered(
            lambda: self._client.delete(f"{self._ingest}/v1/uploads/{upload_id}", headers=BEARER)
        )

    async def _post(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        url = f"{self._ingest}{path}"
        return await self._until_answered(
            lambda: self._client.post(url, json=body, headers={**BEARER, **(headers or {})})
        )

    async def _send(self, request: SignedRequest, data: bytes) -> None:
        await self._until_answered(
            lambda: self._client.put(request.url, content=data, headers=request.headers),
            good=THERE_ALREADY,
        )

    async def _until_answered(
        self, ask: Callable[[], Awaitable[httpx.Response]], good: int = 200
    ) -> httpx.Response:
        while True:
            asked_at = monotonic()
            try:
                answer = await ask()
            except httpx.TransportError:
                self.unanswered += 1
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            took = monotonic() - asked_at
            self.longest_answer_seconds = max(self.longest_answer_seconds, took)
            if answer.is_success or answer.status_code == good:
                return answer
            if answer.status_code < 500 and answer.status_code != 429:
                raise Refused(answer)
            await asyncio.sleep(PAUSE_SECONDS)


async def upload_many(
    uploader: Uploader, model: str, count: int, *, models: int = 3, at_once: int = 4
) -> list[Upload]:
    """Upload `count` versions of random bytes to some models named after `model`, side by side."""
    slots = asyncio.Semaphore(at_once)

    async def one(index: int) -> Upload:
        async with slots:
            return await uploader.upload(f"{model}-{index % models}", os.urandom(200 + index))

    return list(await asyncio.gather(*(one(index) for index in range(count))))
