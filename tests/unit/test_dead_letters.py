"""Poison messages go to the dead letters whole, with their reason, and the batch goes on."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import ConsumerRecord
from faststream.kafka import KafkaBroker, KafkaMessage

from services.indexer import handler
from services.indexer.bucket_events import ObjectWritten, PoisonMessage
from services.indexer.context import Context
from services.indexer.handler import handle_batch
from services.indexer.messaging import (
    MAX_DEAD_LETTER_BYTES,
    Publisher,
    RawRecord,
    decode_nothing,
    parse_tolerantly,
)
from tests.unit.test_plans import SETTINGS

BAD_HEADERS = (("fine", b"text"), ("raw", b"\xff"), ("none", cast(bytes, None)))


def record(value: bytes | None, headers: Any = (), key: bytes | None = b"key") -> RawRecord:
    return ConsumerRecord("bucket-events", 2, 17, 1234, 0, key, value, None, 3, 5, headers)


def good(key: str) -> bytes:
    stored = {"bucket": {"name": "models"}, "object": {"key": key}}
    return json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": stored}]}).encode()


async def test_a_batch_is_indexed_without_its_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    indexed: list[ObjectWritten] = []
    letters: list[tuple[RawRecord, str]] = []

    async def index(written: list[ObjectWritten], context: Context) -> bool:
        indexed.extend(written)
        return True

    async def dead_letter(found: RawRecord, error: PoisonMessage) -> None:
        letters.append((found, str(error)))

    monkeypatch.setattr(handler, "index_objects", index)
    batch = [record(good("a/1/x")), record(b"poison"), record(None), record(good("b/1/x"))]
    context = cast(Context, SimpleNamespace())
    assert await handle_batch(batch, context=context, dead_letter=dead_letter)
    assert [written.key for written in indexed] == ["a/1/x", "b/1/x"]
    assert [found for found, _ in letters] == [batch[1], batch[2]]
    assert letters[1][1] == "the message is empty"


class Broker:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    async def publish(self, value: bytes, topic: str, **fields: Any) -> None:
        self.published.append({"value": value, "topic": topic, **fields})


async def letter(found: RawRecord, error: PoisonMessage) -> dict[str, Any]:
    broker = Broker()
    await Publisher(cast(KafkaBroker, broker), SETTINGS).dead_letter(found, error)
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
    assert len(published["value"]) == MAX_DEAD_LETTER_BYTES
    assert published["headers"]["truncated-from-bytes"] == "2000000"
    size = sum(len(name) + len(value) for name, value in published["headers"].items())
    assert MAX_DEAD_LETTER_BYTES + len(published["key"]) + size < 1024 * 1024


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
