"""(b) From the PUT's reply to "ready" on query, beside a consumer that inserts one document."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from time import monotonic
from typing import Any

import uvloop

from bench.common import BenchmarkError, System, percentiles, python_process, read_line
from bench.report import Finding, Value
from bench.small_uploads import Opened, Uploads, open_uploads
from bench.topics import rewind_to, where_it_ends
from bench.wire import Pool, open_pool
from shared.runtime.settings import Settings

NAME = "latency"
TARGET_RATE = 20
WARM_UP = 8
"""Uploads before those that are measured."""


@dataclass(frozen=True)
class Plan:
    """Uploads a second, and how many of them in each round."""

    rate: float
    uploads: int
    rounds: int


def run(system: System, *, quick: bool) -> Finding:
    """Measure at both rates, in rounds that alternate with the bare consumer."""
    plans = [Plan(1, 5, 1), Plan(20, 60, 1)] if quick else [Plan(1, 30, 2), Plan(20, 400, 3)]
    rows: list[dict[str, Value]] = []
    samples: dict[str, list[float]] = {}
    for plan in plans:
        series: dict[str, list[float]] = {}
        for _ in range(plan.rounds):
            system.fresh()
            system.start("ingest", "query", "indexer")
            for name, values in uvloop.run(registry_round(system, plan)).items():
                series.setdefault(name, []).extend(values)
            system.stop("indexer")
            for name, values in _bare_round(system, plan).items():
                series.setdefault(name, []).extend(values)
        for name, values in series.items():
            rows.append(_row(plan, name, values))
            samples[f"{plan.rate:g}/s: {name}"] = values
    notes = [
        "Milliseconds from the PUT's reply. Open loop: POST /v1/uploads and PUT at fixed times; "
        "the long poll GET .../versions/N?wait=30 is opened at once after the PUT's reply.",
        "Bare: own process, same uploads, the indexer stopped; getone, then insert_one.",
        f"Goal at {TARGET_RATE}/s: p50 under 30 ms, p99 under 150 ms.",
    ]
    return Finding(NAME, "(b) PUT's reply to ready", rows, notes, samples)


def _row(plan: Plan, name: str, values: Sequence[float]) -> dict[str, Value]:
    found = {"min": min(values), **percentiles(values), "max": max(values)}
    return {"uploads/s": f"{plan.rate:g}", "what": name, "n": len(values), **found}


async def registry_round(system: System, plan: Plan) -> dict[str, list[float]]:
    """Upload at the plan's rate; returns the milliseconds until each was ready."""
    async with (
        open_uploads(system) as uploads,
        open_pool(system.address("query"), system.bearer) as query,
    ):

        async def one(number: int) -> float:
            opened, replied = await sent(uploads, f"latency-{number % 10}")
            return (await until_ready(query, opened) - replied) * 1000

        await asyncio.gather(*(one(number) for number in range(WARM_UP)))  # warm up
        return {"registry: ready": await _open_loop(one, plan)}


def _bare_round(system: System, plan: Plan) -> dict[str, list[float]]:
    """The same uploads, and a consumer in the indexer's place, with a group of its own."""
    environment = {**system.environment, "KAFKA_INDEXER_GROUP": f"{system.settings.minio_bucket}-b"}
    settings = system.settings.model_copy(
        update={"kafka_indexer_group": environment["KAFKA_INDEXER_GROUP"]}
    )
    uvloop.run(_skip_to_end(settings))
    times = system.root / "times.json"
    arguments = (str(plan.uploads + WARM_UP), "--times", str(times))
    with ExitStack() as stack:
        process = stack.enter_context(
            python_process("bench.bare_consumer", *arguments, environment=environment)
        )
        read_line(process)
        replied = uvloop.run(_bare_uploads(system, plan))
        read_line(process)
    found: dict[str, Any] = json.loads(times.read_text())
    return {
        name: [(found[moment][key] - at) * 1000 for key, at in replied.items()]
        for name, moment in (
            ("bare: arrived", "arrived"),
            ("bare: inserted", "inserted"),
        )
    }


async def _skip_to_end(settings: Settings) -> None:
    await rewind_to(await where_it_ends(settings), settings)


async def _bare_uploads(system: System, plan: Plan) -> dict[str, float]:
    replied: dict[str, float] = {}
    async with open_uploads(system) as uploads:

        async def one(number: int) -> float:
            opened, at = await sent(uploads, f"latency-{number % 10}")
            replied[opened.key] = at
            return at

        await asyncio.gather(*(one(number) for number in range(WARM_UP)))
        replied.clear()
        await _open_loop(one, plan)
    return replied


async def sent(uploads: Uploads, model: str) -> tuple[Opened, float]:
    """Upload a small file; return it, and when its PUT was answered."""
    opened = await uploads.open(model)
    await uploads.put(opened)
    return opened, monotonic()


async def until_ready(query: Pool, opened: Opened) -> float:
    """Wait until an upload is ready; return when it was."""
    target = f"/v1/models/{opened.model}/versions/{opened.number}?wait=30"
    answer = await query.request("GET", target)
    at = monotonic()
    if json.loads(answer)["state"] != "ready":
        raise BenchmarkError(f"not ready after 30 s: {answer!r}")
    return at


async def _open_loop(one: Any, plan: Plan) -> list[float]:
    """Begin an upload at each multiple of 1/rate, however the earlier ones fare."""
    begun = monotonic() + 0.1
    late: list[float] = []

    async def at(number: int) -> float:
        due = begun + number / plan.rate
        await asyncio.sleep(due - monotonic())
        late.append(monotonic() - due)
        return await one(number)

    values = await asyncio.gather(*(at(number) for number in range(plan.uploads)))
    if median(late) > 0.005:
        raise BenchmarkError(f"uploads began {median(late) * 1000:.1f} ms late")
    return values
