"""(g) The same work in an empty database, and beside 50,000 versions of 5,000 models."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import uvloop

from bench.common import System, percentiles
from bench.latency import Plan, registry_round
from bench.report import Finding, Value
from bench.wire import open_pool
from shared.database.client import Database, open_database
from shared.domain.records import ArtifactRecord, VersionRecord, new_id

NAME = "stored"
AT_ONCE = 1000
"""Documents that are inserted together."""
OPENINGS = 64
"""Versions of one new model that are opened at once."""


def run(system: System, *, quick: bool) -> Finding:
    """Measure in an empty database, fill it, and measure again; in rounds."""
    models, versions = (500, 5_000) if quick else (5_000, 50_000)
    plan, rounds = Plan(20, 60 if quick else 400, 1), 1 if quick else 2
    ready: dict[str, list[float]] = {"empty": [], "full": []}
    openings: dict[str, list[float]] = {"empty": [], "full": []}
    for _ in range(rounds):
        system.fresh()
        system.start("ingest", "query", "indexer")
        for state in ready:
            if state == "full":
                uvloop.run(_fill(system, models, versions))
            for values in uvloop.run(registry_round(system, plan)).values():
                ready[state] += values
            openings[state].append(uvloop.run(_open_at_once(system)))
    rows: list[dict[str, Value]] = [_row(state, ready[state], openings[state]) for state in ready]
    p50 = {state: percentiles(values)["p50"] for state, values in ready.items()}
    ratio = p50["full"] / p50["empty"]
    notes = [
        f"Full: {versions:,} ready versions of {models:,} models.",
        f"Milliseconds from the PUT's reply to ready, at {plan.rate:g} uploads a second.",
        f"Openings: seconds until {OPENINGS} openings of one new model at once are answered.",
        f"p50 full / empty: {ratio:.2f}; goal: at most 1.2, and openings under 2 s.",
    ]
    return Finding(NAME, "(g) beside many versions", rows, notes, ready)


def _row(state: str, ready: Sequence[float], openings: Sequence[float]) -> dict[str, Value]:
    return {
        "database": state,
        "n": len(ready),
        **percentiles(ready),
        "max": max(ready),
        "openings s": max(openings),
    }


async def _fill(system: System, models: int, versions: int) -> None:
    """Store ready versions as the services would have left them."""
    of_each = versions // models
    async with open_database(system.settings) as database:
        records: list[dict[str, Any]] = []
        for place in range(models):
            name = f"stored-{place:05}"
            records += [_ready(name, number, system) for number in range(1, of_each + 1)]
            if len(records) >= AT_ONCE or place == models - 1:
                await database.versions.insert_many(records)
                records = []
        await _insert_models(database, models, of_each)


async def _insert_models(database: Database, models: int, of_each: int) -> None:
    counters = {
        "next_number": of_each,
        "sequence": 2 * of_each,
        "version_count": of_each,
        "latest_number": of_each,
        "created_at": datetime.now(UTC),
    }
    for start in range(0, models, AT_ONCE):
        places = range(start, min(start + AT_ONCE, models))
        await database.models.insert_many(
            [{"_id": f"stored-{place:05}", **counters} for place in places]
        )


def _ready(model: str, number: int, system: System) -> dict[str, Any]:
    digest = f"{hash((model, number)) & (1 << 256) - 1:064x}"
    artifact = ArtifactRecord(
        path="model.bin",
        key=f"{model}/{number}/model.bin",
        size_bytes=512,
        kind="put",
        state="verified",
        expected_sha256=digest,
        sha256=digest,
        sha256_state="verified",
        etag=digest[:32],
        object_version=digest[:32],
    )
    now = datetime.now(UTC)
    record = VersionRecord(
        id=new_id(),
        model=model,
        number=number,
        state="ready",
        source="upload",
        storage_group=system.settings.minio_bucket,
        artifacts=[artifact],
        metrics={"auc": 0.9, "loss": 0.1},
        parameters={"lr": 0.001, "depth": 7},
        tags={"team": "growth"},
        size_bytes=512,
        created_at=now,
        ready_at=now,
        sequence=2 * number,
    )
    return record.model_dump(by_alias=True)


async def _open_at_once(system: System) -> float:
    """Return how many seconds it takes until each of the openings is answered."""
    model = f"hot-{new_id()[:8]}"
    body = json.dumps({"model": model, "files": [{"path": "a", "size_bytes": 1}]}).encode()
    headers = {"content-type": "application/json"}
    async with open_pool(system.address("ingest"), system.bearer) as ingest:
        begun = monotonic()
        await asyncio.gather(
            *(
                ingest.request("POST", "/v1/uploads", body, headers, expected=201)
                for _ in range(OPENINGS)
            )
        )
        return monotonic() - begun
