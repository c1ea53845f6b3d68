"""Opening sessions at the same moment, inside one ingest."""

import asyncio
from uuid import uuid4

import pytest

from registry.schemas import (
    CompleteRequest,
    PartRequest,
    SignPartsRequest,
    UploadRequest,
    UploadSession,
)
from services.ingest.context import Context
from services.ingest.uploads.completion import complete_upload
from services.ingest.uploads.opening import open_upload
from services.ingest.uploads.parts import sign_parts
from shared.database.client import Database
from shared.database.lifecycle import settle
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.errors import IdempotencyKeyReused
from shared.runtime.settings import MIB, Settings
from shared.storage.adapter import Storage
from tests.integration.drafts import OWNER, verified
from tests.integration.rig import upload_of
from tests.support.records import SHA256


@pytest.fixture
def context(settings: Settings, database: Database, storage: Storage) -> Context:
    return Context.create(settings, database, storage)


def request(size_bytes: int = 5) -> UploadRequest:
    file = {"path": "model.bin", "size_bytes": size_bytes}
    return UploadRequest.model_validate({"model": f"model-{uuid4().hex}", "files": [file]})


async def test_who_loses_the_race_for_a_key_gets_the_winners_session(context: Context) -> None:
    asked, key = request(), uuid4().hex
    opened = await asyncio.gather(*(open_upload(asked, key, OWNER, context) for _ in range(8)))
    assert len({session.upload_id for session, _ in opened}) == 1
    assert [created for _, created in opened].count(True) == 1


async def test_who_loses_it_with_another_body_is_refused(context: Context) -> None:
    key, asked = uuid4().hex, request()
    bodies = [asked.model_copy(update={"description": str(number)}) for number in range(8)]
    opened = await asyncio.gather(
        *(open_upload(body, key, OWNER, context) for body in bodies), return_exceptions=True
    )
    refused = [result for result in opened if isinstance(result, BaseException)]
    assert len(refused) == 7
    assert {type(error) for error in refused} == {IdempotencyKeyReused}


async def test_a_key_is_its_owners_and_its_models_alone(context: Context) -> None:
    key, asked = uuid4().hex, request()
    first, _ = await open_upload(asked, key, OWNER, context)
    other, created = await open_upload(asked, key, "token:another", context)
    assert created
    assert other.version_id != first.version_id
    elsewhere, created = await open_upload(request(), key, OWNER, context)
    assert created
    assert elsewhere.model != first.model


async def test_a_key_of_an_earlier_release_finds_its_session(context: Context) -> None:
    key, asked = uuid4().hex, request()
    first, _ = await open_upload(asked, key, OWNER, context)
    handles, versions = context.database.handles, context.database.versions
    [kept] = [found async for found in handles.find({"version_id": first.version_id})]
    await handles.delete_one({"_id": kept["_id"]})
    await handles.insert_one({**kept, "_id": f"key:{key}"})
    unknown = {"session.owner": None, "session.secret": None}
    await versions.update_one({"_id": first.version_id}, {"$set": unknown})
    again, created = await open_upload(asked, key, OWNER, context)
    assert not created
    assert (again.version_id, again.upload_id) == (first.version_id, first.version_id)


async def test_names_of_an_earlier_release_are_not_those_of_an_owner(context: Context) -> None:
    """Names without an owner are kept among those with one: what an attacker spells out."""
    asked = request().model_copy(update={"client_id": "mine"})
    await open_upload(asked, "key", OWNER, context)
    spelled = f"{asked.model}/{OWNER}"
    found = await context.versions.by_idempotency_key(f"{spelled}/key", "token:x", asked.model)
    assert found is None
    assert await context.versions.by_client_id(f"{spelled}/mine", "token:x", NameFilter()) is None


async def test_an_expired_session_gives_its_key_back(context: Context, settings: Settings) -> None:
    brief = settings.model_copy(update={"upload_session_ttl_seconds": 0})
    over = Context.create(brief, context.database, context.storage)
    asked, key = request(), uuid4().hex
    first, _ = await open_upload(asked, key, OWNER, over)
    second, created = await open_upload(asked, key, OWNER, context)
    assert created
    assert (first.number, second.number) == (1, 2)
    expired = await context.versions.find(first.version_id)
    assert expired is not None
    assert (expired.state, expired.reasons[0].code) == ("rejected", "upload_expired")


async def test_signers_at_once_share_one_multipart_upload(context: Context) -> None:
    session, _ = await open_upload(request(100 * MIB), None, OWNER, context)
    wanted = [
        SignPartsRequest(path="model.bin", parts=[PartRequest(number=number, sha256=SHA256)])
        for number in range(1, 6)
    ]
    record = await upload_of(session, context)
    signed = await asyncio.gather(*(sign_parts(record, one, context) for one in wanted))
    uploads = {answer.parts[0].url.split("uploadId=")[1].split("&")[0] for answer in signed}
    assert len(uploads) == 1


async def test_the_same_request_in_another_order_is_the_same(context: Context) -> None:
    asked, key = request(), uuid4().hex
    said = {**asked.model_dump(), "metrics": {"auc": 0.5, "f1": 1.0}}
    again = {**said, "metrics": {"f1": 1, "auc": 0.5}}
    first, _ = await open_upload(UploadRequest.model_validate(said), key, OWNER, context)
    second, created = await open_upload(UploadRequest.model_validate(again), key, OWNER, context)
    assert (second.upload_id, created) == (first.upload_id, False)


async def settled(context: Context, session: UploadSession) -> None:
    """Let the indexer have found the session's only file good, before anybody completed it."""
    record = await context.versions.get(session.version_id)
    assert record is not None
    assert await settle(context.database, [verified(record)])


async def test_a_key_whose_version_is_ready_answers_its_completed_session_for_ever(
    context: Context,
) -> None:
    asked, key = request(), uuid4().hex
    session, _ = await open_upload(asked, key, OWNER, context)
    await settled(context, session)
    await context.database.versions.update_one(
        {"_id": session.version_id}, {"$set": {"session.expires_at": session.expires_at.min}}
    )
    again, created = await open_upload(asked, key, OWNER, context)
    assert (again.upload_id, created) == (session.upload_id, False)
    assert (again.state, again.version_state) == ("completed", "ready")
    completed = await complete_upload(await upload_of(session, context), CompleteRequest(), context)
    assert completed.state == "completed"


async def test_a_session_that_an_earlier_release_left_open_is_answered_too(
    context: Context,
) -> None:
    asked, key = request(), uuid4().hex
    session, _ = await open_upload(asked, key, OWNER, context)
    await settled(context, session)
    left = {"session.state": "open", "session.expires_at": session.expires_at.min}
    await context.database.versions.update_one({"_id": session.version_id}, {"$set": left})
    again, _ = await open_upload(asked, key, OWNER, context)
    assert (again.upload_id, again.state) == (session.upload_id, "completed")


async def test_an_uploaders_id_finds_what_became_ready_not_what_was_only_opened(
    context: Context,
) -> None:
    mine = uuid4().hex

    async def opened() -> UploadSession:
        asked = request().model_copy(update={"client_id": mine})
        session, _ = await open_upload(asked, None, OWNER, context)
        return session

    async def found() -> str | None:
        version = await context.versions.by_client_id(mine, OWNER, EVERY_NAME)
        return version.id if version else None

    first = await opened()
    assert await found() == first.version_id, "until one is ready, what was opened is found"
    second, third = await opened(), await opened()
    assert await found() == third.version_id
    await settled(context, second)
    assert await found() == second.version_id
    await opened()
    assert await found() == second.version_id, "an upload that is abandoned takes it from nobody"
    await settled(context, first)
    assert await found() == second.version_id, "the newest that is ready has it"
    await settled(context, third)
    assert await found() == third.version_id
