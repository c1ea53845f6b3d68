"""An event of a backlog, in instructions of the indexer: one kind of telemetry after the other."""

import os
import signal
from dataclasses import dataclass
from time import perf_counter, sleep
from typing import Any

import uvloop
from pymongo import MongoClient

from bench import backlog, callgrind
from bench.callgrind import Counter
from bench.common import System
from bench.telemetry import TRACES, Kinds
from bench.topics import followed, rewind_to, where_it_ends

WARM_UP = 100
MODELS = 20
IDLE_SECONDS = 20
PATIENT = {
    "MONGODB_TIMEOUT_SECONDS": "200",
    "MONGODB_TRANSACTION_SECONDS": "300",
    "MINIO_TIMEOUT_SECONDS": "200",
    "KAFKA_TIMEOUT_SECONDS": "60",
    "INDEXER_BATCH_SIZE": "100",
}
"""Settings for a process that is so slow."""


@dataclass(frozen=True)
class Plan:
    """How much is counted; `windows` of each kind."""

    windows: int
    events: int
    """Of each window, all of them stored before the indexer sees the first one."""


def count(system: System, kinds: Kinds, plan: Plan) -> dict[str, list[float]]:
    """Return the thousands of instructions of an event, for each kind in each window."""
    return {kind: _count_with(kind, system, kinds, plan) for kind in kinds}


def _count_with(kind: str, system: System, kinds: Kinds, plan: Plan) -> list[float]:
    system.fresh()
    # The versions know of a trace, whoever indexes them; the indexer makes the topics.
    system.start("ingest", "indexer", **kinds[TRACES])
    system.stop("indexer")
    ends = uvloop.run(where_it_ends(system.settings))
    uvloop.run(rewind_to(ends, system.settings))  # else it reads what others left there
    environment = {**system.environment, **kinds[kind], **PATIENT}
    out = system.root / f"indexer.{kind.replace(' ', '-')}"
    found: list[float] = []
    with callgrind.counted("bench.counted_indexer", environment, out) as counter:
        _work_off(system, WARM_UP, counter.pid)
        idle = _idle(counter)
        for _ in range(plan.windows):
            counter.begin()
            seconds = _work_off(system, plan.events, counter.pid)
            found.append((counter.end() - idle * seconds) / plan.events / 1000)
    system.stop("ingest")
    return found


def _idle(counter: Counter) -> float:
    """Return the instructions of a second in which nothing happens: at this pace they count."""
    counter.begin()
    sleep(IDLE_SECONDS)
    return counter.end() / IDLE_SECONDS


def _work_off(system: System, events: int, indexer: int) -> float:
    """Store so many objects while the indexer stands still, and have it handle them all.

    Returns the seconds that it took for that.
    """
    begins = sum(uvloop.run(where_it_ends(system.settings)).values())
    os.kill(indexer, signal.SIGSTOP)
    uvloop.run(backlog.fill(system, backlog.Plan(events, MODELS, 1)))
    begun = perf_counter()
    os.kill(indexer, signal.SIGCONT)
    uvloop.run(followed(system.settings, begins, events))
    _until_announced(system)
    return perf_counter() - begun


def _until_announced(system: System) -> None:
    settings = system.settings
    with MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        while client[settings.mongodb_db]["outbox"].find_one() is not None:
            sleep(0.1)
