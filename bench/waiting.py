"""(e) The indexer's memory while few events wait, and while many do."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote_plus

import uvloop
from aiokafka import AIOKafkaProducer

from bench.common import System
from bench.memory import peak_mib
from bench.report import Finding, Value
from bench.small_uploads import Opened, open_uploads
from bench.topics import followed, rewind_to, where_it_ends
from shared.runtime.settings import Settings

NAME = "waiting"


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    objects: int
    waiting: Sequence[int]
    """Events that wait, for one measurement after the other."""


def run(system: System, *, quick: bool) -> Finding:
    """Let ever more events wait, and look at the indexer's peak while it handles them."""
    plan = Plan(100, (2000, 10_000)) if quick else Plan(1000, (20_000, 200_000))
    system.fresh()
    system.start("ingest", "indexer")  # the indexer makes the topics
    opened = uvloop.run(_fill(system, plan.objects))
    system.stop("ingest", "indexer")
    rows = [_measure(system, opened, events) for events in plan.waiting]
    notes = [
        f"Events of {plan.objects:,} objects, each told again and again: what the indexer looks up "
        "is the same, only the line is longer.",
        "Goal: the same peak, however many events wait.",
    ]
    return Finding(NAME, "(e) Memory while events wait", rows, notes)


def _measure(system: System, opened: Sequence[Opened], events: int) -> dict[str, Value]:
    settings = system.settings
    begins = uvloop.run(where_it_ends(settings))
    uvloop.run(_tell(settings, opened, events))
    uvloop.run(rewind_to(begins, settings))
    system.start("indexer")
    count, seconds = uvloop.run(followed(settings, sum(begins.values()), events))
    peak = peak_mib(system.pid("indexer"))
    system.stop("indexer")
    return {"events waiting": events, "peak MiB": peak, "events/s": count / seconds}


async def _fill(system: System, objects: int) -> list[Opened]:
    async with open_uploads(system) as uploads:
        opened = [await uploads.open(f"waiting-{number % 20}") for number in range(objects)]
        for each in opened:
            await uploads.put(each)
    return opened


async def _tell(settings: Settings, opened: Sequence[Opened], events: int) -> None:
    # aiokafka leaves its methods untyped.
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, linger_ms=20
    )
    await producer.start()
    try:
        for each in islice(cycle(opened), events):
            value = _event(settings.minio_bucket, each.key)
            await producer.send(settings.kafka_bucket_events_topic, value)
        await producer.flush()
    finally:
        await producer.stop()


def _event(bucket: str, key: str) -> bytes:
    stored = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}}
    record = {"eventName": "s3:ObjectCreated:Put", "s3": stored, "padding": "x" * 1200}
    return json.dumps({"Records": [record]}).encode()
