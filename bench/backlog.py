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
from bench.cpu import cpu_seconds
from bench.memory import peak_mib
from bench.report import Finding, Value
from bench.small_uploads import open_uploads
from bench.topics import Offsets, followed, rewind_to, where_it_ends
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
    cpu_seconds: float = 0.0
    """Processor time that the indexer used once it was up."""


@dataclass(frozen=True)
class Backlog:
    """Objects that were stored while no indexer ran."""

    system: System
    plan: Plan
    begins: Offsets
    """Where their events begin in each partition."""
    seconds: float
    """How long it took to make them."""
    found: Settings
    """Where the records are that each pass gets a copy of."""


def make_backlog(system: System, plan: Plan) -> Backlog:
    """Open and PUT so many objects with the indexer stopped."""
    system.fresh()
    system.start("ingest", "indexer")  # the indexer makes the topics
    system.stop("indexer")
    begins = uvloop.run(where_it_ends(system.settings))
    begun = perf_counter()
    uvloop.run(fill(system, plan))
    seconds = perf_counter() - begun
    system.stop("ingest")
    return Backlog(system, plan, begins, seconds, system.settings)


def work_off(backlog: Backlog, tag: str, measure: Callable[[Backlog], Rate]) -> Rate:
    """Have one program work off all of it, with a group and a database of its own."""
    system = backlog.system
    name = f"{backlog.found.mongodb_db}_{tag}"
    system.environment |= {"MONGODB_DB": name, "KAFKA_INDEXER_GROUP": name}
    uvloop.run(rewind_to(backlog.begins, system.settings))
    rate = measure(backlog)
    _drop(system.settings)
    return rate


def run(system: System, *, quick: bool) -> Finding:
    """Make the backlog once, then let the indexer and the bare loops take turns at it."""
    plan = Plan(6000, 60, 1) if quick else Plan(20_000, 200, 2)
    backlog = make_backlog(system, plan)
    passes: dict[str, Callable[[Backlog], Rate]] = {
        "registry": indexer,
        "bare loop: getone, HEAD, insert_one": _bare,
        "bare loop: getmany, gather": _bare_gather,
    }
    rates: dict[str, list[Rate]] = {name: [] for name in passes}
    for turn in range(plan.rounds):
        for number, (name, measure) in enumerate(passes.items()):
            rates[name].append(work_off(backlog, f"{turn}_{number}", measure))
    notes = [
        f"{plan.events:,} objects of {plan.models} models, opened and PUT with the indexer stopped "
        f"({plan.events / backlog.seconds:.0f}/s); each pass has its own group and database.",
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


async def fill(system: System, plan: Plan) -> None:
    """Open and PUT so many objects."""
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


def indexer(backlog: Backlog) -> Rate:
    """Have the indexer work it off; raises BenchmarkError where a version is not ready then."""
    system, events = backlog.system, backlog.plan.events
    _copy(backlog.found, system.settings)
    system.start("indexer")
    pid = system.pid("indexer")
    begun = cpu_seconds(pid)
    start = sum(backlog.begins.values())
    count, seconds = uvloop.run(followed(system.settings, start, events))
    rate = Rate(count / seconds, peak_mib(pid), cpu_seconds(pid) - begun)
    system.stop("indexer")
    settings = system.settings
    with MongoClient[dict[str, Any]](settings.mongodb_url.get_secret_value()) as client:
        ready = client[settings.mongodb_db]["versions"].count_documents({"state": "ready"})
    if ready != events:
        raise BenchmarkError(f"{ready} of {events} versions are ready")
    return rate


def _bare(backlog: Backlog) -> Rate:
    return _bare_pass(backlog)


def _bare_gather(backlog: Backlog) -> Rate:
    return _bare_pass(backlog, "--gather")


def _bare_pass(backlog: Backlog, *options: str) -> Rate:
    arguments = (str(backlog.plan.events), "--head", *options)
    environment = backlog.system.environment
    with python_process("bench.bare_consumer", *arguments, environment=environment) as process:
        read_line(process)
        found = json.loads(read_line(process))
    return Rate(backlog.plan.events / found["seconds"], found["peak_mib"])
