"""Poison messages go to the dead letters whole, with their reason, and the batch goes on."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker, KafkaMessage

from services.indexer.context import Context
from services.indexer.events import handler
from services.indexer.events.bucket_events import ObjectWritten, PoisonMessage, parse_bucket_event
from services.indexer.events.handler import handle_batch
from services.indexer.events.indexing import Indexed
from services.indexer.kafka.publisher import KafkaPublisher
from shared.domain.records import ArtifactRecord, WorkRecord, utc_now
from shared.kafka.consuming import decode_nothing, parse_tolerantly
from shared.kafka.dead_letters import MAX_VALUE_BYTES, DeadLetter
from shared.kafka.topic_reader import RawMessage
from shared.storage.connection import StorageUnavailable
from tests.support.isolation import SETTINGS
from tests.support.records import artifact, version

BAD_HEADERS = (("fine", b"text"), ("raw", b"\xff"), ("none", cast(bytes, None)))


def record(value: bytes | None, headers: Any = (), key: bytes | None = b"key") -> RawMessage:
    return ConsumerRecord("bucket-events", 2, 17, 1234, 0, key, value, None, 3, 5, headers)


def good(key: str) -> bytes:
    stored = {"bucket": {"name": "models"}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": stored}]}).encode()


class AwayBuckets:
    """Storage that is away, whatever it is asked."""

    async def exists(self, _: str) -> bool:
        raise StorageUnavailable("it is away")


CONTEXT = cast(
    Context,
    SimpleNamespace(
        settings=SimpleNamespace(minio_bucket="models"),
        storage=SimpleNamespace(buckets=AwayBuckets()),
    ),
)


class Indexing:
    """Stands in for index_objects: keeps what it is given, and fails at the keys it is told."""

    def __init__(self, **failures: Exception) -> None:
        self.indexed: list[str] = []
        self.failures: Mapping[str, Exception] = failures
        self.letters: list[DeadLetter] = []

    async def index(self, written: list[ObjectWritten], context: Context) -> Indexed:
        for each in written:
            if failure := self.failures.get(each.key.partition("/")[0]):
                raise failure
        self.indexed += [each.key for each in written]
        work = WorkRecord(kind="verify", due_at=utc_now())
        return Indexed([version(work=work)] if written else [])

    async def bury(self, found: DeadLetter) -> None:
        self.letters.append(found)

    async def handle(self, *batch: RawMessage) -> bool:
        return await handle_batch(batch, context=CONTEXT, bury=self.bury)


@pytest.fixture
def indexing(monkeypatch: pytest.MonkeyPatch) -> Indexing:
    found = Indexing()
    monkeypatch.setattr(handler, "index_objects", found.index)
    return found


async def test_a_batch_is_indexed_without_its_poison(indexing: Indexing) -> None:
    batch = [record(good("a/1/x")), record(b"poison"), record(None), record(good("b/1/x"))]
    assert await indexing.handle(*batch)
    assert indexing.indexed == ["a/1/x", "b/1/x"]
    assert [letter.value for letter in indexing.letters] == [b"poison", b""]
    assert indexing.letters[1].headers["reason"] == "the message is empty"


async def test_a_message_that_brings_out_a_defect_is_buried_and_the_others_go_on(
    indexing: Indexing,
) -> None:
    indexing.failures = {"b": ZeroDivisionError("a defect")}
    batch = [record(good("a/1/x")), record(b"poison"), record(good("b/1/x")), record(good("c/1/x"))]
    assert await indexing.handle(*batch)
    assert indexing.indexed == ["a/1/x", "c/1/x"]
    reasons = [letter.headers["reason"] for letter in indexing.letters]
    assert reasons[1:] == ["a defect"]
    assert "ZeroDivisionError" in indexing.letters[1].headers["traceback"]
    assert len(reasons) == 2, "the poison is buried once"


async def test_an_outage_buries_nothing_and_gives_the_batch_back(
    indexing: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "RETRY_SECONDS", 0.0)
    indexing.failures = {"b": StorageUnavailable("it is away")}
    with pytest.raises(StorageUnavailable):
        await indexing.handle(record(good("a/1/x")), record(good("b/1/x")))
    assert (indexing.indexed, indexing.letters) == ([], [])


def test_work_that_was_given_up_is_kept_as_the_events_that_bring_it_back() -> None:
    files: list[ArtifactRecord] = [artifact("a b+c.bin").model_copy(update={"object_version": "7"})]
    letter = DeadLetter.of_work("models", files, "bucket-events", RuntimeError("too often"))
    assert letter.headers["original-topic"] == "bucket-events"
    assert parse_bucket_event(letter.value) == [
        ObjectWritten("models", "churn/1/a b+c.bin", object_version="7")
    ]


def test_work_on_very_many_files_still_fits_into_a_message() -> None:
    files = [artifact(f"{number}/{'ü' * 300}") for number in range(2000)]
    letter = DeadLetter.of_work("models", files, "bucket-events", RuntimeError("too often"))
    assert len(letter.value) < MAX_VALUE_BYTES
    assert parse_bucket_event(letter.value)[0] == ObjectWritten("models", files[0].key)


class Broker:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    async def publish(self, value: bytes, topic: str, **fields: Any) -> None:
        self.published.append({"value": value, "topic": topic, **fields})


async def letter(found: RawMessage, error: PoisonMessage) -> dict[str, Any]:
    broker = Broker()
    publisher = KafkaPublisher(cast(KafkaBroker, broker), SETTINGS)
    await publisher.bury(DeadLetter.of_message(found, error))
    [published] = broker.published
    return published


async def test_a_dead_letter_is_the_message_with_where_it_came_from_and_why() -> None:
    published = await letter(record(b"poison", BAD_HEADERS), PoisonMessage("it is no JSON"))
    assert published["topic"] == SETTINGS.kafka_dead_letter_topic
    assert (published["key"], published["value"]) == (b"key", b"poison")
    headers = published["headers"]
    assert "it is no JSON" in headers.pop("traceback")
    assert headers == {
        "reason": "it is no JSON",
        "original-topic": "bucket-events",
        "original-partition": "2",
        "original-offset": "17",
        "original-timestamp-ms": "1234",
        "original-header-fine": "text",
        "original-header-raw": "base64:/w==",
        "original-header-none": "",
    }


async def test_a_huge_message_is_cut_so_that_the_letter_can_be_sent() -> None:
    headers = [(f"{'n' * 200}{number}", b"v" * 5000) for number in range(100)]
    published = await letter(
        record(b"x" * 2_000_000, headers, key=b"k" * 5000), PoisonMessage("it is huge")
    )
    assert len(published["value"]) == MAX_VALUE_BYTES
    assert published["headers"]["truncated-from-bytes"] == "2000000"
    size = sum(len(name) + len(value) for name, value in published["headers"].items())
    assert MAX_VALUE_BYTES + len(published["key"]) + size < 1024 * 1024


async def test_an_empty_message_without_a_key_is_kept_too() -> None:
    published = await letter(record(None, key=None), PoisonMessage("the message is empty"))
    assert (published["key"], published["value"]) == (None, b"")


async def test_headers_that_cannot_be_decoded_reach_the_handler_as_they_are() -> None:
    seen: list[Any] = []

    async def original(records: Any) -> KafkaMessage:
        seen.extend(found.headers for found in records)
        return cast(KafkaMessage, SimpleNamespace(raw_message=records))

    batch = (record(b"one", BAD_HEADERS), record(b"two"))
    message = await parse_tolerantly(batch, original)
    assert seen == [(), ()]
    assert await decode_nothing(message) == batch
