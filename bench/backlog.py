"""(c) A backlog of bucket events: the indexer beside a loop that does HEAD and insert_one."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from statistics import median
from time import perf_counter
from typing import Any

import uvloop
from pymongo import MongoClient

from bench.common import BenchmarkError, System, python_process, read_line
from bench.memory import peak_mib
from bench.report import Finding, Value
from bench.small_uploads import open_uploads
from bench.topics import followed, rewind_to, where_it_ends
from shared.runtime.settings import Settings

NAME = "backlog"
TARGET = 0.8
COPIED = ("models", "versions", "handles", "outbox", "storage_groups")
"""What the indexer finds; every round gets a copy."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    events: int
    models: int
    rounds: int


@dataclass(frozen=True)
class Rate:
    """What one pass over the backlog found."""

    per_second: float
    peak_mib: float


def run(system: System, *, quick: bool) -> Finding:
    """Make the backlog once, then let the indexer and the bare loops take turns at it."""
    plan = Plan(6000, 60, 1) if quick else Plan(20_000, 200, 2)
    system.fresh()
    system.start("ingest", "indexer")  # the indexer makes the topics
    system.stop("indexer")
    begins = uvloop.run(where_it_ends(system.settings))
    filled = perf_counter()
    uvloop.run(_fill(system, plan))
    filled = perf_counter() - filled
    system.stop("ingest")
    passes: dict[str, Callable[[System, Plan, int], Rate]] = {
        "registry": _indexer,
        "bare loop: getone, HEAD, insert_one": _bare,
        "bare loop: getmany, gather": _bare_gather,
    }
    rates: dict[str, list[Rate]] = {name: [] for name in passes}
    backlog = system.settings
    start = sum(begins.values())
    for number in range(plan.rounds):
        for name, measure in passes.items():
            tag = f"{backlog.mongodb_db}_{number}_{list(passes).index(name)}"
            system.environment |= {"MONGODB_DB": tag, "KAFKA_INDEXER_GROUP": tag}
            uvloop.run(rewind_to(begins, system.settings))
            if measure is _indexer:
                _copy(backlog, system.settings)
            rates[name].append(measure(system, plan, start))
            _drop(system.settings)
    notes = [
        f"{plan.events:,} objects of {plan.models} models, opened and PUT with the indexer stopped "
        f"({plan.events / filled:.0f}/s); each pass has its own group and database.",
        "The indexer's pass includes publishing two model events for each version, as it goes on.",
        f"{plan.rounds} alternating rounds, medians; goal at least {TARGET} of the getone loop.",
    ]
    samples = {name: [rate.per_second for rate in found] for name, found in rates.items()}
    return Finding(NAME, "(c) Backlog", _rows(rates), notes, samples)


def _rows(rates: dict[str, list[Rate]]) -> list[dict[str, Value]]:
    ours = next(iter(rates.values()))
    mine = median(rate.per_second for rate in ours)
    rows: list[dict[str, Value]] = []
    for name, found in rates.items():
        per_second = median(rate.per_second for rate in found)
        row: dict[str, Value] = {"what": name, "events/s": per_second}
        if found is not ours:
            row["registry's ratio"] = mine / per_second
        rows.append({**row, "peak MiB": max(rate.peak_mib for rate in found)})
    return rows


async def _fill(system: System, plan: Plan) -> None:
    names = cycle(f"backlog-{number}" for number in range(plan.models))
    queue = [next(names) for _ in range(plan.events)]
    async with open_uploads(system) as uploads:

        async def worker() -> None:
            while queue:
                await uploads.put(await uploads.open(queue.pop()))

        await asyncio.gather(*(worker() for _ in range(16)))


def _copy(source: Settings, target: Settings) -> None:
    with MongoClient[dict[str, Any]](source.mongodb_url.get_secret_value()) as client:
        for name in COPIED:
            documents = list(client[source.mongodb_db][name].find())
            for start in range(0, len(documents), 1000):
                client[target.mongodb_db][name].insert_many(documents[start : start + 1000])


def _drop(settings: Settings) -> None:
    with MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        client.drop_database(settings.mongodb_db)


def _indexer(system: System, plan: Plan, start: int) -> Rate:
    system.start("indexer")
    count, seconds = uvloop.run(followed(system.settings, start, plan.events))
    rate = Rate(count / seconds, peak_mib(system.pid("indexer")))
    system.stop("indexer")
    settings = system.settings
    with MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        ready = client[settings.mongodb_db]["versions"].count_documents({"state": "ready"})
    if ready != plan.events:
        raise BenchmarkError(f"{ready} of {plan.events} versions are ready")
    return rate


def _bare(system: System, plan: Plan, _start: int) -> Rate:
    return _bare_pass(system, plan)


def _bare_gather(system: System, plan: Plan, _start: int) -> Rate:
    return _bare_pass(system, plan, "--gather")


def _bare_pass(system: System, plan: Plan, *options: str) -> Rate:
    arguments = (str(plan.events), "--head", *options)
    environment = system.environment
    with python_process("bench.bare_consumer", *arguments, environment=environment) as process:
        read_line(process)
        found = json.loads(read_line(process))
    return Rate(plan.events / found["seconds"], found["peak_mib"])
