"""Work that fails is tried again after growing pauses, and then becomes a dead letter."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest

from registry.schemas import Reason, Rules
from services.indexer.events.bucket_events import parse_bucket_event
from services.indexer.events.indexing import index_objects
from services.indexer.work import workers as module
from services.indexer.work.pauses import pause_after
from services.indexer.work.workers import work_once
from shared.database.lifecycle import reject
from shared.database.rules import change_model_rules
from shared.database.versions import Versions
from shared.database.work import claim_work
from shared.domain.aliases import UNCONDITIONAL
from shared.domain.records import VersionRecord
from shared.kafka.dead_letters import DeadLetter
from shared.kafka.errors import KafkaUnavailable
from shared.storage.adapter import open_storage
from shared.storage.connection import StorageUnavailable
from shared.storage.objects import Objects
from tests.integration.rig import Rig, opened_rig
from tests.support.api import sha256_of
from tests.support.servers import Addresses

ATTEMPTS = 3
PAST = datetime(2000, 1, 1, tzinfo=UTC)
DATA = os.urandom(1000)
KEY = "churn/1/a+b c.bin"


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    """One version that is due for a full read."""
    async with opened_rig(addresses, work_max_attempts=ATTEMPTS) as opened:
        written = opened.put(KEY, DATA)
        event = parse_bucket_event(event_of(opened.bucket, KEY, written))
        assert (await index_objects(event, opened.indexer)).folders == 1
        await opened.adopt()
        yield opened


def event_of(bucket: str, key: str, version: str) -> bytes:
    written = {"key": quote_plus(key), "versionId": version}
    stored = {"bucket": {"name": bucket}, "object": written}
    return json.dumps({"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": stored}]}).encode()


class Letters:
    """Keeps the dead letters; Kafka may be away."""

    def __init__(self) -> None:
        self.kept: list[DeadLetter] = []
        self.kafka_is_away = False

    async def bury(self, letter: DeadLetter) -> None:
        if self.kafka_is_away:
            raise KafkaUnavailable("TimeoutError")
        self.kept.append(letter)


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The object cannot be read, though storage answers; undone by `undo`."""

    async def stream(*_: Any) -> AsyncIterator[bytes]:
        raise StorageUnavailable("the disk is broken")
        yield b""

    monkeypatch.setattr(Objects, "stream", stream)
    return monkeypatch


async def current(rig: Rig) -> VersionRecord:
    return await rig.version("churn")


async def make_due(rig: Rig) -> None:
    """Let the pause, or a dead worker's lease, be over."""
    await rig.indexer.database.versions.update_one(
        {"model": "churn"}, {"$set": {"work.due_at": PAST}}
    )


async def replayed(rig: Rig, letter: DeadLetter) -> list[VersionRecord]:
    return (await index_objects(parse_bucket_event(letter.value), rig.indexer)).changed


async def fail_for_good(rig: Rig, letters: Letters) -> DeadLetter:
    for _ in range(ATTEMPTS):
        await make_due(rig)
        assert await work_once(rig.indexer, letters.bury)
    [letter] = letters.kept
    return letter


async def test_a_version_that_is_read_whole_becomes_ready(rig: Rig, letters: Letters) -> None:
    assert await work_once(rig.indexer, letters.bury)
    version = await current(rig)
    assert (version.state, version.artifacts[0].sha256) == ("ready", sha256_of(DATA))
    assert not await work_once(rig.indexer, letters.bury), "nothing is left to do"


async def test_a_failure_puts_the_work_off(
    rig: Rig, letters: Letters, broken: pytest.MonkeyPatch
) -> None:
    before = await rig.indexer.database.now()
    assert await work_once(rig.indexer, letters.bury)
    version = await current(rig)
    assert (version.state, version.failure) == ("verifying", None)
    assert version.work is not None
    assert (version.work.attempts, version.work.token) == (1, None)
    assert version.work.due_at > before
    assert not await work_once(rig.indexer, letters.bury), "it is not due yet"
    broken.undo()
    await make_due(rig)
    assert await work_once(rig.indexer, letters.bury)
    assert (await current(rig)).state == "ready"
    assert letters.kept == []


def test_pauses_grow_up_to_a_limit() -> None:
    for attempts in range(1, 30):
        longest = timedelta(seconds=min(2.0**attempts, 600))
        assert longest / 2 <= pause_after(attempts) <= longest


async def test_work_that_fails_too_often_is_a_dead_letter_with_its_reason_in_the_record(
    rig: Rig, letters: Letters, broken: pytest.MonkeyPatch
) -> None:
    letter = await fail_for_good(rig, letters)
    assert "the disk is broken" in letter.headers["reason"]
    assert letter.headers["original-topic"] == rig.indexer.settings.kafka_bucket_events_topic
    seen = await Versions(rig.indexer.database).by_number("churn", 1)
    assert seen is not None
    assert seen.state == "verifying"
    assert seen.failure is not None
    assert seen.failure.code == "verify_failed"
    assert "the disk is broken" in seen.failure.detail
    assert not await work_once(rig.indexer, letters.bury)


async def test_replaying_its_value_as_a_bucket_event_brings_it_back(
    rig: Rig, letters: Letters, broken: pytest.MonkeyPatch
) -> None:
    letter = await fail_for_good(rig, letters)
    broken.undo()
    assert [version.state for version in await replayed(rig, letter)] == ["verifying"]
    version = await current(rig)
    assert version.failure is None
    assert version.work is not None
    assert version.work.attempts == 0
    assert await work_once(rig.indexer, letters.bury)
    assert (await current(rig)).state == "ready"
    assert await rig.told("churn") == ["created", "ready"]
    assert await replayed(rig, letter) == [], "once more changes nothing"


async def test_a_found_version_that_is_replayed_is_held_against_the_rules_though_storage_attests_it(
    rig: Rig, letters: Letters
) -> None:
    database, key = rig.indexer.database, "risk/1/m.bin"
    written = rig.s3.put_object(Bucket=rig.bucket, Key=key, Body=DATA, ChecksumAlgorithm="SHA256")
    event = parse_bucket_event(event_of(rig.bucket, key, written["VersionId"]))
    await index_objects(event, rig.indexer)
    await rig.adopt()
    failure = Reason(code="verify_failed", detail="the disk was broken").model_dump()
    await database.versions.update_one(
        {"model": "risk"}, {"$set": {"work": None, "failure": failure}}
    )
    asks = Rules.model_validate({"required": {"tags": ["team"]}})
    await change_model_rules(database, "risk", asks, UNCONDITIONAL, by="ann")
    await index_objects(event, rig.indexer)
    while await work_once(rig.indexer, letters.bury):
        pass
    version = await rig.version("risk", 1)
    assert (version.state, [each.code for each in version.reasons]) == (
        "rejected",
        ["rule_required_tags"],
    )


async def test_what_was_ready_before_is_not_held_against_rules_that_came_later(
    rig: Rig, letters: Letters
) -> None:
    """After a loss of the database it is verified anew, where its events did not name its files."""
    database = rig.indexer.database
    await database.versions.update_one({"model": "churn"}, {"$set": {"ready_at": PAST}})
    later = {"required": {"tags": ["team"]}, "allowed_formats": ["onnx"]}
    await change_model_rules(
        database, "churn", Rules.model_validate(later), UNCONDITIONAL, by="ann"
    )
    assert await work_once(rig.indexer, letters.bury)
    version = await current(rig)
    assert (version.state, version.reasons, version.ready_at) == ("ready", [], PAST)


async def test_the_digest_of_a_ready_version_can_be_replayed_too(
    rig: Rig, letters: Letters, broken: pytest.MonkeyPatch
) -> None:
    await rig.indexer.database.versions.update_one(
        {"model": "churn"},
        {
            "$set": {
                "state": "ready",
                "work.kind": "confirm",
                "artifacts.0.state": "verified",
                "artifacts.0.sha256_state": "claimed",
            }
        },
    )
    letter = await fail_for_good(rig, letters)
    failed = await current(rig)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code) == ("ready", "confirm_failed")
    broken.undo()
    await replayed(rig, letter)
    assert await work_once(rig.indexer, letters.bury)
    version = await current(rig)
    assert version.failure is None
    assert version.artifacts[0].sha256_state == "verified"


async def test_removing_what_an_upload_left_can_be_replayed_too(
    rig: Rig, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason = Reason(code="upload_expired", detail="it is over")
    session = await rig.upload("over", ("model.bin", b"bytes"))
    await rig.indexer.database.versions.delete_one({"model": "churn"})
    assert await reject(rig.indexer.database, session.version_id, reason, session_state="expired")

    async def remove(*_: Any) -> None:
        raise StorageUnavailable("the disk is broken")

    monkeypatch.setattr(Objects, "remove", remove)
    for _ in range(ATTEMPTS):
        await rig.indexer.database.versions.update_one(
            {"model": "over"}, {"$set": {"work.due_at": PAST}}
        )
        assert await work_once(rig.indexer, letters.bury)
    [letter] = letters.kept
    monkeypatch.undo()
    await replayed(rig, letter)
    assert await work_once(rig.indexer, letters.bury)
    key = session.files[0].key
    assert await rig.indexer.storage.objects.head(rig.bucket, key) is None


async def test_a_worker_that_dies_at_each_attempt_ends_as_a_dead_letter_too(
    rig: Rig, letters: Letters
) -> None:
    for attempt in range(ATTEMPTS):
        dead = timedelta(seconds=-1)
        assert await claim_work(rig.indexer.database, "verify", f"dead {attempt}", dead)
    assert await work_once(rig.indexer, letters.bury)
    [letter] = letters.kept
    assert letter.headers["reason"] == "no attempt came to its end"
    assert (await current(rig)).failure is not None


async def test_it_is_not_given_up_before_its_dead_letter_is_kept(
    rig: Rig, letters: Letters, broken: pytest.MonkeyPatch
) -> None:
    letters.kafka_is_away = True
    for _ in range(ATTEMPTS):
        await make_due(rig)
        with_letter = (await current(rig)).work
        assert with_letter is not None
        if with_letter.attempts == ATTEMPTS - 1:
            with pytest.raises(KafkaUnavailable):
                await work_once(rig.indexer, letters.bury)
        else:
            await work_once(rig.indexer, letters.bury)
    assert (await current(rig)).failure is None
    letters.kafka_is_away = False
    await make_due(rig)
    assert await work_once(rig.indexer, letters.bury)
    assert len(letters.kept) == 1
    assert (await current(rig)).failure is not None


async def test_while_storage_is_away_nothing_is_taken(rig: Rig, letters: Letters) -> None:
    before = await current(rig)
    away = rig.indexer.settings.model_copy(update={"minio_endpoint": "127.0.0.1:9"})
    async with open_storage(away) as storage:
        context = type(rig.indexer).create(away, rig.indexer.database, storage)
        with pytest.raises(StorageUnavailable):
            await work_once(context, letters.bury)
    assert await current(rig) == before


async def test_work_under_a_lost_lease_ends_and_changes_nothing(
    rig: Rig, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, ended = asyncio.Event(), asyncio.Event()

    async def read_for_ever(*_: Any) -> None:
        reading.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(module, "WORK", (("verify", read_for_ever),))
    monkeypatch.setattr(module, "LEASE", timedelta(seconds=0.3))
    working = asyncio.create_task(work_once(rig.indexer, letters.bury))
    await reading.wait()
    other = None
    async with asyncio.timeout(30):
        while other is None:  # the holder may renew its lease just then
            await make_due(rig)
            other = await claim_work(
                rig.indexer.database, "verify", "another", timedelta(seconds=60)
            )
        assert await working
    assert ended.is_set()
    assert await current(rig) == other
    assert letters.kept == []


async def test_a_worker_that_is_stopped_gives_its_work_back(
    rig: Rig, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = asyncio.Event()

    async def read_for_ever(*_: Any) -> None:
        reading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "WORK", (("verify", read_for_ever),))
    working = asyncio.create_task(work_once(rig.indexer, letters.bury))
    await reading.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    monkeypatch.undo()
    assert await work_once(rig.indexer, letters.bury), "it is due at once"
    assert (await current(rig)).state == "ready"
