"""The ends of an upload session before any indexer has seen its objects."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from registry.schemas import CompleteRequest, SignPartsRequest, UploadRequest, UploadSession
from services.ingest.context import Context
from services.ingest.uploads import completion
from services.ingest.uploads.completion import abort_upload, complete_upload
from services.ingest.uploads.opening import open_upload
from services.ingest.uploads.parts import sign_parts
from services.ingest.uploads.views import session_view
from shared.database.client import Database
from shared.database.lifecycle import reject
from shared.domain.errors import Conflict, RegistryError
from shared.domain.records import VersionRecord
from shared.runtime.settings import MIB, Settings
from shared.storage.adapter import Storage
from shared.storage.multipart import MultipartUploads
from tests.integration.drafts import OWNER
from tests.integration.rig import upload_of
from tests.support.api import parts_of, sha256_of
from tests.support.s3 import s3_client

DATA = os.urandom(6 * MIB)
PARTS = parts_of(DATA, 5 * MIB)
ASKED = SignPartsRequest.model_validate(
    {
        "path": "a.bin",
        "parts": [{"number": number, "sha256": sha256_of(data)} for number, data in PARTS.items()],
    }
)
DONE = CompleteRequest()


@pytest.fixture
def context(settings: Settings, database: Database, storage: Storage) -> Context:
    small = {"upload_single_put_max_bytes": MIB, "upload_part_size_bytes": 5 * MIB}
    return Context.create(settings.model_copy(update=small), database, storage)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        yield client


async def opened(context: Context) -> UploadSession:
    """A session of one file in two parts."""
    request = {"model": "churn", "files": [{"path": "a.bin", "size_bytes": len(DATA)}]}
    session, _ = await open_upload(UploadRequest.model_validate(request), None, OWNER, context)
    return session


async def sent(context: Context, http: httpx.AsyncClient) -> UploadSession:
    """A session whose parts are all there, not yet joined."""
    session = await opened(context)
    for signed in (await sign_parts(await upload_of(session, context), ASKED, context)).parts:
        answer = await http.put(signed.url, content=PARTS[signed.number], headers=signed.headers)
        assert answer.status_code == 200, answer.text
    return session


async def object_is_there(session: UploadSession, context: Context) -> bool:
    found = await context.storage.objects.head(session.storage_group, session.files[0].key)
    return found is not None


async def test_completing_may_be_repeated_while_the_version_is_pending(
    context: Context, http: httpx.AsyncClient
) -> None:
    session = await sent(context, http)
    for _ in range(2):
        answer = await complete_upload(await upload_of(session, context), DONE, context)
        assert (answer.state, answer.version_state) == ("completed", "pending")
        assert answer.files[0].uploaded
    assert await object_is_there(session, context)


async def test_a_completed_upload_is_not_aborted_though_its_version_is_pending(
    context: Context, http: httpx.AsyncClient
) -> None:
    session = await sent(context, http)
    await complete_upload(await upload_of(session, context), DONE, context)
    with pytest.raises(Conflict) as caught:
        await abort_upload(await upload_of(session, context), context)
    assert caught.value.code == "upload_completed"
    assert await object_is_there(session, context)
    assert (
        await session_view(await upload_of(session, context), context)
    ).version_state == "pending"


async def test_a_complete_and_an_abort_at_once_leave_an_object_or_nothing(
    context: Context, http: httpx.AsyncClient
) -> None:
    for _ in range(4):
        session = await sent(context, http)
        await asyncio.gather(
            complete_upload(await upload_of(session, context), DONE, context),
            abort_upload(await upload_of(session, context), context),
            return_exceptions=True,
        )
        left = await session_view(await upload_of(session, context), context)
        assert left.state in ("completed", "aborted")
        assert await object_is_there(session, context) == (left.state == "completed")
        assert (left.version_state == "pending") == (left.state == "completed")


def count_uploads(session: UploadSession, settings: Settings) -> int:
    listed = s3_client(settings).list_multipart_uploads(
        Bucket=session.storage_group, Prefix=session.files[0].key
    )
    return len(listed.get("Uploads", []))


async def test_an_abort_while_the_first_part_is_signed_leaves_no_multipart_upload(
    context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await opened(context)
    create = MultipartUploads.create

    async def then_aborted(self: MultipartUploads, bucket: str, key: str) -> str:
        made = await create(self, bucket, key)
        await abort_upload(await upload_of(session, context), context)
        return made

    monkeypatch.setattr(MultipartUploads, "create", then_aborted)
    with pytest.raises(Conflict) as caught:
        await sign_parts(await upload_of(session, context), ASKED, context)
    assert caught.value.code == "upload_aborted"
    assert count_uploads(session, settings) == 0


async def test_an_abort_that_read_the_session_before_it_was_signed_ends_the_upload_too(
    context: Context, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await opened(context)

    async def signed_before(*arguments: Any, **options: Any) -> VersionRecord | None:
        await sign_parts(await upload_of(session, context), ASKED, context)
        return await reject(*arguments, **options)

    monkeypatch.setattr(completion, "reject", signed_before)
    await abort_upload(await upload_of(session, context), context)
    assert count_uploads(session, settings) == 0


async def test_a_session_that_is_over_takes_no_parts_and_no_complete(
    context: Context, http: httpx.AsyncClient
) -> None:
    session = await sent(context, http)
    await context.database.versions.update_one(
        {"_id": session.version_id}, {"$set": {"session.expires_at": session.expires_at.min}}
    )
    for request in (
        complete_upload(await upload_of(session, context), DONE, context),
        sign_parts(await upload_of(session, context), ASKED, context),
    ):
        with pytest.raises(RegistryError) as caught:
            await request
        assert caught.value.code == "upload_expired"
    assert (await session_view(await upload_of(session, context), context)).state == "expired"
    assert not await object_is_there(session, context)
