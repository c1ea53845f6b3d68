"""Bucket events are hints: repeated, shuffled, poisoned, or not there at all."""

import random
from typing import Any

import pytest

from shared.database.reports import COMPARISON
from tests.faults.harness import kafka_groups
from tests.faults.harness.running_registry import Harness
from tests.faults.harness.uploader import upload_many
from tests.faults.harness.waiting import until, until_true
from tests.support.topics import Record

pytestmark = pytest.mark.servers

Poison = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]

POISON: dict[str, Poison] = {
    "no UTF-8": (None, b"\xff\xfe\x00", []),
    "empty": (None, b"", []),
    "null": (b"tombstone", None, []),
    "another shape": (None, b'{"Records": "none"}', []),
    "header None": (None, b"[]", [("trace", None)]),
    "header of bytes": (None, b"{}", [("encoding", b"\xff")]),
    "key of 1 MB": (b"k" * 1_000_000, b"{}", []),
    "value of 1 MB": (None, b"x" * 1_000_000, []),
    "envelope of the future": (None, b'{"version": "9", "Records": {"objects": []}}', []),
}
"""Key, value and headers of messages that nothing can be made of."""


async def bucket_events(registry: Harness) -> list[Record]:
    """Every event of the registry's bucket."""
    settings = registry.settings
    records = await kafka_groups.read_all(settings, settings.kafka_bucket_events_topic)
    return [record for record in records if settings.minio_bucket.encode() in (record.value or b"")]


async def caught_up(registry: Harness) -> None:
    """Wait until every bucket event is handled and acknowledged."""

    async def look() -> bool:
        return await kafka_groups.lag(registry.settings) == 0

    await until_true("every bucket event is acknowledged", look)


async def test_events_shuffled_and_given_three_times_change_nothing(registry: Harness) -> None:
    settings = registry.settings
    await registry.start_both()
    await upload_many(registry.uploader, registry.model, 12)
    assert await registry.violations() == []
    before = await registry.view.versions()

    again = 3 * await bucket_events(registry)
    random.Random(12).shuffle(again)  # noqa: S311 - no secret
    async with kafka_groups.producer_of(settings) as producer:
        for record in again:
            await producer.send_and_wait(settings.kafka_bucket_events_topic, record.value)
    await caught_up(registry)

    assert await registry.view.versions() == before
    assert await registry.violations() == []


async def test_the_topic_replayed_from_its_start_changes_nothing(registry: Harness) -> None:
    settings = registry.settings
    _, indexer = await registry.start_both()
    await upload_many(registry.uploader, registry.model, 12)
    assert await registry.violations() == []
    before = await registry.view.versions()
    await indexer.end()

    async with kafka_groups.consumer_of(settings) as consumer:
        ends = await kafka_groups.ends_of(consumer, settings.kafka_bucket_events_topic)
    await kafka_groups.begin_at(settings, dict.fromkeys(ends, 0))
    await registry.start("indexer")
    await caught_up(registry)

    assert await registry.view.versions() == before
    assert await registry.violations() == []


async def test_without_any_notification_a_comparison_finds_every_upload(
    registry: Harness,
) -> None:
    """What was confirmed before a comparison began is ready when it has ended."""
    await registry.start_both(RECONCILE_INTERVAL_SECONDS="2")
    s3: Any = registry.view.s3
    s3.put_bucket_notification_configuration(
        Bucket=registry.settings.minio_bucket, NotificationConfiguration={}
    )
    await upload_many(registry.uploader, registry.model, 12)
    sent_by = await registry.view.database.now()

    async def next_report() -> dict[str, Any] | None:
        return await registry.view.database.reports.find_one({"started_at": {"$gt": sent_by}})

    await until("a comparison that began later", next_report)
    assert await registry.view.count(state="ready") == 12
    assert await registry.violations() == []


async def test_a_comparison_lets_the_events_that_wait_go_first(registry: Harness) -> None:
    """The first one is due when the indexer starts, and would find all that the events tell."""
    waiting, batch = 60, 10
    await registry.start("ingest")
    await upload_many(registry.uploader, registry.model, waiting)
    await registry.start("indexer", RECONCILE_INTERVAL_SECONDS="600", INDEXER_BATCH_SIZE=str(batch))

    async def report() -> dict[str, Any] | None:
        return await registry.view.database.reports.find_one({"_id": COMPARISON})

    begun = (await until("the first comparison", report))["started_at"]
    handled = [v for v in await registry.view.versions() if v.ready_at and v.ready_at <= begun]
    assert len(handled) >= waiting - batch
    assert await registry.violations() == []


async def test_poison_of_every_kind_becomes_a_dead_letter_and_stops_nothing(
    registry: Harness,
) -> None:
    settings = registry.settings
    topic = settings.kafka_bucket_events_topic
    await registry.start_both()
    await upload_many(registry.uploader, registry.model, 3)
    async with kafka_groups.producer_of(settings) as producer:
        partitions: set[int] = await producer.partitions_for(topic)
        for partition in partitions:
            for key, value, headers in POISON.values():
                await producer.send_and_wait(
                    topic, value, key=key, headers=headers, partition=partition
                )
    await upload_many(registry.uploader, registry.model, 3)

    assert await registry.violations() == []
    letters = await kafka_groups.read_all(settings, settings.kafka_dead_letter_topic)
    assert len(letters) == len(POISON) * len(partitions)
    for letter in letters:
        told = dict(letter.headers)
        assert told["reason"]
        assert told["original-topic"] == topic.encode()
