"""Opening sessions at the same moment, inside one ingest."""

import asyncio
from uuid import uuid4

import pytest

from registry.schemas import PartRequest, SignPartsRequest, UploadRequest
from services.ingest.context import Context
from services.ingest.uploads.opening import open_upload
from services.ingest.uploads.parts import sign_parts
from shared.database.client import Database
from shared.domain.errors import IdempotencyKeyReused
from shared.runtime.settings import MIB, Settings
from shared.storage.adapter import Storage
from tests.support.records import SHA256


@pytest.fixture
def context(settings: Settings, database: Database, storage: Storage) -> Context:
    return Context.create(settings, database, storage)


def request(size_bytes: int = 5) -> UploadRequest:
    file = {"path": "model.bin", "size_bytes": size_bytes}
    return UploadRequest.model_validate({"model": f"model-{uuid4().hex}", "files": [file]})


async def test_who_loses_the_race_for_a_key_gets_the_winners_session(context: Context) -> None:
    asked, key = request(), uuid4().hex
    opened = await asyncio.gather(*(open_upload(asked, key, context) for _ in range(8)))
    assert len({session.upload_id for session, _ in opened}) == 1
    assert [created for _, created in opened].count(True) == 1


async def test_who_loses_it_with_another_body_is_refused(context: Context) -> None:
    key = uuid4().hex
    opened = await asyncio.gather(
        *(open_upload(request(), key, context) for _ in range(8)), return_exceptions=True
    )
    refused = [result for result in opened if isinstance(result, BaseException)]
    assert len(refused) == 7
    assert {type(error) for error in refused} == {IdempotencyKeyReused}


async def test_an_expired_session_gives_its_key_back(context: Context, settings: Settings) -> None:
    brief = settings.model_copy(update={"upload_session_ttl_seconds": 0})
    over = Context.create(brief, context.database, context.storage)
    asked, key = request(), uuid4().hex
    first, _ = await open_upload(asked, key, over)
    second, created = await open_upload(asked, key, context)
    assert created
    assert (first.number, second.number) == (1, 2)
    expired = await context.versions.find(first.version_id)
    assert expired is not None
    assert (expired.state, expired.reasons[0].code) == ("rejected", "upload_expired")


async def test_signers_at_once_share_one_multipart_upload(context: Context) -> None:
    session, _ = await open_upload(request(100 * MIB), None, context)
    wanted = [
        SignPartsRequest(path="model.bin", parts=[PartRequest(number=number, sha256=SHA256)])
        for number in range(1, 6)
    ]
    signed = await asyncio.gather(*(sign_parts(session.upload_id, one, context) for one in wanted))
    uploads = {answer.parts[0].url.split("uploadId=")[1].split("&")[0] for answer in signed}
    assert len(uploads) == 1
