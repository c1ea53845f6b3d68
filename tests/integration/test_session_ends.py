"""Ends of an upload session that meet: exact orders, each made by holding one side at a step."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest

from registry.schemas import CompleteRequest, Reason, SignPartsRequest, UploadSession
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.reconcile.round import reconcile
from services.indexer.work import workers
from services.indexer.work.workers import work_once
from services.ingest.context import Context
from services.ingest.uploads import completion
from services.ingest.uploads.completion import abort_upload, complete_upload
from services.ingest.uploads.parts import sign_parts
from services.ingest.uploads.views import session_view
from shared.database.lifecycle import reject
from shared.database.sessions import complete_session
from shared.domain.errors import Conflict
from shared.domain.records import VersionRecord
from shared.kafka.dead_letters import DeadLetter
from shared.runtime.settings import MIB
from shared.storage.cleaning import clean_upload
from shared.storage.connection import StorageUnavailable
from shared.storage.multipart import MultipartUploads
from tests.integration.rig import Rig, opened_rig, upload_of
from tests.support.api import sha256_of
from tests.support.servers import Addresses

DATA = os.urandom(2 * MIB)
DONE = CompleteRequest()
BROKEN = ("model.safetensors", b"no safetensors at all")
PART = SignPartsRequest.model_validate(
    {"path": "b.bin", "parts": [{"number": 1, "sha256": sha256_of(DATA)}]}
)


@pytest.fixture(scope="module")
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


async def bury(letter: DeadLetter) -> None:
    raise AssertionError(f"no work fails here: {letter.headers}")


@pytest.fixture(autouse=True)
async def nothing_is_left_to_do(rig: Rig) -> None:
    """Have all work done that the tests before left, as what they aborted."""
    while await work_once(rig.indexer, bury):
        pass


async def sent(rig: Rig, model: str) -> UploadSession:
    """A session whose one part is there, not yet joined."""
    session = await rig.open(model, ("b.bin", DATA))
    await send_part(rig, session)
    return session


async def send_part(rig: Rig, session: UploadSession) -> None:
    [signed] = (await sign_parts(await upload_of(session, rig.ingest), PART, rig.ingest)).parts
    answer = await rig.http.put(signed.url, content=DATA, headers=signed.headers)
    assert answer.status_code == 200, answer.text


async def rejected(rig: Rig, model: str) -> UploadSession:
    """An open session of two files: the first was refused, the second is half-way."""
    session = await rig.open(model, BROKEN, ("b.bin", DATA))
    plan = session.files[0]
    assert plan.put is not None
    await rig.http.put(plan.put.url, content=BROKEN[1], headers=plan.put.headers)
    await send_part(rig, session)
    await index_objects([ObjectWritten(rig.bucket, plan.key)], rig.indexer)
    assert (await rig.version(model)).state == "rejected"
    return session


async def left(rig: Rig, session: UploadSession) -> tuple[int, int]:
    """How many objects and open multipart uploads there are under the session's keys."""
    objects = uploads = 0
    for plan in session.files:
        objects += await rig.indexer.storage.objects.head(rig.bucket, plan.key) is not None
        async for page in rig.indexer.storage.multipart.open_uploads(rig.bucket, prefix=plan.key):
            uploads += len(page)
    return objects, uploads


async def make_due(rig: Rig, session: UploadSession) -> None:
    past = session.expires_at.min
    await rig.indexer.database.versions.update_one(
        {"_id": session.version_id}, {"$set": {"work.due_at": past}}
    )


async def code_of(call: Any) -> str:
    """The code of the conflict that a call ends with."""
    with pytest.raises(Conflict) as caught:
        await call
    return caught.value.code


async def test_an_abort_that_is_decided_before_a_complete_that_saw_all_bytes_wins(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await sent(rig, "abort-first")

    async def after_an_abort(*arguments: Any) -> bool:
        await abort_upload(await upload_of(session, rig.ingest), rig.ingest)
        return await complete_session(*arguments)

    monkeypatch.setattr(completion, "complete_session", after_an_abort)
    assert (
        await code_of(complete_upload(await upload_of(session, rig.ingest), DONE, rig.ingest))
        == "upload_aborted"
    )
    assert await left(rig, session) == (0, 0)
    assert (await rig.version("abort-first")).state == "rejected"


async def test_a_complete_that_is_decided_before_an_abort_that_saw_it_open_wins(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await sent(rig, "complete-first")

    async def after_a_complete(*arguments: Any, **options: Any) -> VersionRecord | None:
        await complete_upload(await upload_of(session, rig.ingest), DONE, rig.ingest)
        return await reject(*arguments, **options)

    monkeypatch.setattr(completion, "reject", after_a_complete)
    assert (
        await code_of(abort_upload(await upload_of(session, rig.ingest), rig.ingest))
        == "upload_completed"
    )
    assert await left(rig, session) == (1, 0)
    assert (
        await session_view(await upload_of(session, rig.ingest), rig.ingest)
    ).state == "completed"


async def test_an_abort_between_the_decision_and_the_join_comes_too_late(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await sent(rig, "between")
    join = completion.join_upload

    async def after_an_abort(*arguments: Any) -> Any:
        assert (
            await code_of(abort_upload(await upload_of(session, rig.ingest), rig.ingest))
            == "upload_completed"
        )
        return await join(*arguments)

    monkeypatch.setattr(completion, "join_upload", after_an_abort)
    answer = await complete_upload(await upload_of(session, rig.ingest), DONE, rig.ingest)
    assert (answer.state, answer.files[0].uploaded) == ("completed", True)


async def test_a_worker_joins_what_ingest_completed_and_did_not_come_to_join(rig: Rig) -> None:
    session = await sent(rig, "died")
    assert await complete_session(rig.ingest.database, await rig.version("died"), {})
    assert await left(rig, session) == (0, 1)
    assert not await work_once(rig.indexer, bury), "ingest has its time first"
    await make_due(rig, session)
    assert await work_once(rig.indexer, bury)
    assert await left(rig, session) == (1, 0)
    assert (await rig.version("died")).work is None


async def test_repeating_the_complete_joins_it_too(rig: Rig) -> None:
    session = await sent(rig, "asked-again")
    assert await complete_session(rig.ingest.database, await rig.version("asked-again"), {})
    for _ in range(2):
        answer = await complete_upload(await upload_of(session, rig.ingest), DONE, rig.ingest)
        assert (answer.state, answer.version_state) == ("completed", "pending")
    assert await left(rig, session) == (1, 0)
    assert (await rig.version("asked-again")).work is None


async def test_a_completed_upload_of_which_storage_lost_the_parts_is_rejected(rig: Rig) -> None:
    session = await sent(rig, "lost")
    version = await rig.version("lost")
    assert await complete_session(rig.ingest.database, version, {})
    [artifact] = version.artifacts
    assert artifact.multipart_id is not None
    await rig.indexer.storage.multipart.abort(rig.bucket, artifact.key, artifact.multipart_id)
    await make_due(rig, session)
    assert await work_once(rig.indexer, bury)
    found = await rig.version("lost")
    assert (found.state, found.reasons[0].code) == ("rejected", "parts_lost")
    await make_due(rig, session)
    assert await work_once(rig.indexer, bury), "what it left is removed"


async def test_a_completed_upload_does_not_expire_while_its_parts_are_joined(rig: Rig) -> None:
    session = await sent(rig, "late")
    assert await complete_session(rig.ingest.database, await rig.version("late"), {})
    await rig.indexer.database.versions.update_one(
        {"_id": session.version_id}, {"$set": {"session.expires_at": session.expires_at.min}}
    )
    assert (await reconcile(rig.indexer)).expired == 0
    answer = await complete_upload(await upload_of(session, rig.ingest), DONE, rig.ingest)
    assert (answer.state, answer.version_state) == ("completed", "pending")
    assert await left(rig, session) == (1, 0)


async def test_a_rejected_version_takes_no_parts_no_complete_and_no_abort(rig: Rig) -> None:
    session = await rejected(rig, "refused")
    for call in (
        sign_parts(await upload_of(session, rig.ingest), PART, rig.ingest),
        complete_upload(await upload_of(session, rig.ingest), DONE, rig.ingest),
        abort_upload(await upload_of(session, rig.ingest), rig.ingest),
    ):
        with pytest.raises(Conflict) as caught:
            await call
        assert caught.value.code == "version_rejected"
        reasons = cast(list[dict[str, str]], caught.value.members["reasons"])
        assert [reason["path"] for reason in reasons] == [BROKEN[0]]
    assert (
        await session_view(await upload_of(session, rig.ingest), rig.ingest)
    ).state == "rejected"
    assert await work_once(rig.indexer, bury)
    assert await left(rig, session) == (1, 0), "the refused object stays, the parts do not"


async def test_an_upload_that_was_made_and_never_recorded_goes_with_its_session(rig: Rig) -> None:
    session = await rig.open("crashed", ("b.bin", DATA))
    await rig.indexer.storage.multipart.create(rig.bucket, session.files[0].key)
    assert await left(rig, session) == (0, 1)
    await abort_upload(await upload_of(session, rig.ingest), rig.ingest)
    assert await left(rig, session) == (0, 0)


async def test_an_abort_whose_parts_storage_does_not_drop_is_one_and_a_worker_drops_them(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await sent(rig, "not-dropped")

    async def is_away(*_: Any) -> None:
        raise StorageUnavailable("SlowDown")

    monkeypatch.setattr(MultipartUploads, "abort", is_away)
    await abort_upload(await upload_of(session, rig.ingest), rig.ingest)
    monkeypatch.undo()
    assert await left(rig, session) == (0, 1)
    assert await work_once(rig.indexer, bury)
    assert await left(rig, session) == (0, 0)


async def test_an_upload_that_was_made_and_never_recorded_goes_with_the_join(rig: Rig) -> None:
    session = await rig.open("signed-twice", ("b.bin", DATA))
    await rig.indexer.storage.multipart.create(rig.bucket, session.files[0].key)
    await send_part(rig, session)
    await complete_upload(await upload_of(session, rig.ingest), DONE, rig.ingest)
    assert await left(rig, session) == (1, 0)


@pytest.mark.parametrize("told", [True, False], ids=["told by an event", "found by comparing"])
async def test_bytes_that_come_after_an_abort_are_removed(rig: Rig, *, told: bool) -> None:
    model = f"late-bytes-{told}"
    session = await rig.open(model, ("a.bin", b"bytes"))
    plan = session.files[0]
    assert plan.put is not None
    await abort_upload(await upload_of(session, rig.ingest), rig.ingest)
    answer = await rig.http.put(plan.put.url, content=b"bytes", headers=plan.put.headers)
    assert answer.status_code == 200, "storage does not know that the session is over"
    written = ObjectWritten(rig.bucket, plan.key, answer.headers["x-amz-version-id"])
    if told:
        await index_objects([written], rig.indexer)
    else:
        await reconcile(rig.indexer)
    assert await work_once(rig.indexer, bury)
    assert await left(rig, session) == (0, 0)
    await index_objects([written], rig.indexer)
    assert (await rig.version(model)).work is None, "a repeated event finds nothing to do"


async def test_bytes_that_come_while_a_worker_removes_the_others_are_removed_too(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await rig.open("meanwhile", ("a.bin", b"bytes"))
    reason = Reason(code="upload_expired", detail="it is over")
    await reject(rig.indexer.database, session.version_id, reason, session_state="expired")
    plan = session.files[0]
    assert plan.put is not None
    put = plan.put

    async def then_bytes_come(*arguments: Any) -> None:
        await clean_upload(*arguments)
        monkeypatch.undo()
        await rig.http.put(put.url, content=b"bytes", headers=put.headers)
        await index_objects([ObjectWritten(rig.bucket, plan.key)], rig.indexer)

    monkeypatch.setattr(workers, "clean_upload", then_bytes_come)
    assert await work_once(rig.indexer, bury)
    assert await left(rig, session) == (1, 0)
    assert await work_once(rig.indexer, bury)
    assert await left(rig, session) == (0, 0)


async def test_a_signed_url_does_not_outlive_its_session(rig: Rig) -> None:
    settings = rig.ingest.settings.model_copy(update={"upload_session_ttl_seconds": 60})
    brief = replace(rig, ingest=Context.create(settings, rig.ingest.database, rig.ingest.storage))
    session = await brief.open("brief", ("a.bin", b"bytes"), ("b.bin", DATA))
    put = session.files[0].put
    assert put is not None
    [part] = (await sign_parts(await upload_of(session, brief.ingest), PART, brief.ingest)).parts
    for signed in (put, part):
        assert signed.expires_at <= session.expires_at
