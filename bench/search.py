"""(i) Search at 100,000 versions, beside MLflow's search of versions; and how late search is."""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import uvloop

from bench.common import BenchmarkError, System, percentiles
from bench.report import Finding, Value
from bench.search_data import SEED, Plain, Shape, shapes, versions
from bench.small_uploads import open_uploads
from bench.wire import Connection
from shared.database.client import open_database
from shared.domain.records import ArtifactRecord, VersionRecord, new_id

NAME = "search"
MLFLOW = "mlflow==3.17.2"
AT_ONCE = 1000
PAGE = 20
LOAD_SECONDS = 1200.0


def run(system: System, *, quick: bool) -> Finding:
    """Fill the records, let query load them, and ask; then the same of MLflow."""
    models, of_each, asked, uploads = (100, 50, 30, 20) if quick else (2000, 50, 200, 200)
    system.fresh()
    system.start("ingest", "indexer")
    uvloop.run(fill(system, models, of_each))
    begun = perf_counter()
    system.start("query")
    figures = uvloop.run(until_loaded(system))
    loaded = perf_counter() - begun
    ours = uvloop.run(_ask_all(system, shapes(models), asked))
    lag = uvloop.run(_lag(system, uploads))
    theirs, release = _ask_mlflow(models, of_each, asked)
    rows = [_row(shape.name, ours[shape.name], theirs.get(shape.name)) for shape in shapes(models)]
    rows.append(_row("ready on lookup, until found", lag, None))
    stored = models * of_each
    size = figures["file_bytes"]
    notes = [
        f"Milliseconds of one request for {PAGE} of {stored:,} versions of {models:,} models, one"
        " after the other; goal: p99 under 50. Ours goes over HTTP with a token.",
        f"MLflow: {release}; its store is a file of SQLite, asked in its own process without HTTP."
        " Empty: its filters of versions have no word for it.",
        f"Loaded from MongoDB in {loaded:.1f} s; the file takes {size / 2**20:.0f} MiB,"
        f" {size / stored:.0f} bytes a version.",
        "Until found: from the answer that tells ready to the first search that has it; goal: p99"
        " under 200.",
    ]
    return Finding(NAME, "(i) Search", rows, notes, {**ours, "until found": lag})


def _row(name: str, ours: Sequence[float], theirs: Sequence[float] | None) -> dict[str, Value]:
    mine = percentiles(ours)
    row: dict[str, Value] = {"search": name, "p50": mine["p50"], "p99": mine["p99"]}
    if theirs is not None:
        other = percentiles(theirs)
        row |= {"MLflow p50": other["p50"], "MLflow p99": other["p99"]}
    return row


async def fill(system: System, models: int, of_each: int) -> None:
    """Store ready versions as the services would have left them."""
    async with open_database(system.settings) as database:
        records: list[dict[str, Any]] = []
        counters: list[dict[str, Any]] = []
        for version in versions(models, of_each):
            records.append(_record(version, system).model_dump(by_alias=True))
            if version.number == of_each:
                counters.append(_counters(version, of_each))
            if len(records) == AT_ONCE:
                await database.versions.insert_many(records)
                records = []
        if records:
            await database.versions.insert_many(records)
        await database.models.insert_many(counters)


def _counters(version: Plain, of_each: int) -> dict[str, Any]:
    return {
        "_id": version.model,
        "next_number": of_each,
        "sequence": 2 * of_each,
        "version_count": of_each,
        "latest_number": of_each,
        "created_at": version.created_at,
    }


def _record(version: Plain, system: System) -> VersionRecord:
    digest = f"{hash((version.model, version.number)) & (1 << 256) - 1:064x}"
    artifact = ArtifactRecord(
        path="model.safetensors",
        key=f"{version.model}/{version.number}/model.safetensors",
        size_bytes=version.size_bytes,
        kind="put",
        state="verified",
        sha256=digest,
        sha256_state="verified",
        etag=digest[:32],
        object_version=digest[:32],
        format="safetensors",
    )
    return VersionRecord(
        id=new_id(),
        model=version.model,
        number=version.number,
        state="ready",
        source="upload",
        storage_group=system.settings.minio_bucket,
        artifacts=[artifact],
        description=version.description,
        framework=version.framework,
        metrics={"auc": version.auc, "loss": version.loss},
        parameters={"lr": 0.001, "depth": version.depth},
        tags=version.tags,
        aliases=version.aliases,
        size_bytes=version.size_bytes,
        created_at=version.created_at,
        ready_at=version.created_at,
        sequence=2 * version.number,
    )


async def until_loaded(system: System) -> dict[str, Any]:
    """Return the figures of the search once query has loaded it; raises BenchmarkError."""
    for _ in range(int(LOAD_SECONDS / 0.1)):
        connection = await Connection.open(*system.address("query"))
        answer = await connection.request("GET", "/health/search")
        connection.close()
        if answer.status == 200:
            return json.loads(answer.body)
        await asyncio.sleep(0.1)
    raise BenchmarkError(f"search has not loaded after {LOAD_SECONDS:g} s")


async def _ask_all(system: System, asked: Sequence[Shape], count: int) -> dict[str, list[float]]:
    connection = await Connection.open(*system.address("query"))
    found: dict[str, list[float]] = {}
    for shape in asked:
        chance = random.Random(SEED)  # noqa: S311
        found[shape.name] = [
            await _ask(system, connection, shape, shape.ours(chance)) for _ in range(count)
        ]
    connection.close()
    return found


async def _ask(system: System, connection: Connection, shape: Shape, text: str) -> float:
    params = {"filter": text, "limit": PAGE}
    if shape.order_by:
        params["order_by"] = shape.order_by
    if shape.with_count:
        params["count"] = "true"
    begun = perf_counter()
    answer = await connection.request(
        "GET", f"/v1/search?{urlencode(params)}", headers=system.bearer
    )
    taken = (perf_counter() - begun) * 1000
    if answer.status != 200:
        raise BenchmarkError(f"{text}: {answer.status} {answer.body[:300]!r}")
    return taken


async def _lag(system: System, count: int) -> list[float]:
    """Return the milliseconds from each answer that a version is ready until search has it."""
    connection = await Connection.open(*system.address("query"))
    found: list[float] = []
    async with open_uploads(system) as uploads:
        for _ in range(count):
            opened = await uploads.open(f"lag-{new_id()[:3]}")
            await uploads.put(opened)
            target = f"/v1/versions/{opened.version_id}?wait=30"
            answer = await connection.request("GET", target, headers=system.bearer)
            if b'"state":"ready"' not in answer.body:
                raise BenchmarkError(f"not ready: {answer.body!r}")
            begun = perf_counter()
            text = f"name = '{opened.model}' AND version = {opened.number} AND state = ready"
            target = f"/v1/search?{urlencode({'filter': text})}"
            while True:
                answer = await connection.request("GET", target, headers=system.bearer)
                if opened.version_id.encode() in answer.body:
                    break
            found.append((perf_counter() - begun) * 1000)
    connection.close()
    return found


def _ask_mlflow(models: int, of_each: int, asked: int) -> tuple[dict[str, list[float]], str]:
    """Return milliseconds by shape, and the release; nothing where it cannot be had."""
    folder = tempfile.mkdtemp(prefix="registry-bench-mlflow-")
    try:
        ended = subprocess.run(
            [
                *("uv", "run", "--isolated", "--no-project", "--python", sys.executable),
                *("--with", MLFLOW, "python", "-m", "bench.mlflow_search"),
                *(str(models), str(of_each), str(asked), folder),
            ],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
        told = json.loads(ended.stdout.splitlines()[-1])
        return told["ms"], f"MLflow {told['version']}"
    except (OSError, subprocess.CalledProcessError) as error:
        return {}, f"not measured ({type(error).__name__})"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
