"""(m) `registry import`: from an MLflow server and from a folder, beside plain loops."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx

from bench.common import BenchmarkError, System
from bench.memory import MIB
from bench.report import Finding, Value
from registry import AsyncModelRegistryClient
from tests.support.command import CODE
from tests.support.mlflow_client import NEWEST
from tests.support.mlflow_server import MlflowFilled, mlflow_server

NAME = "imports"
SMALL_BYTES = 20_000
AT_ONCE = 4
"""Versions that travel at the same time, of the command and of the loops."""
MLFLOW, FOLDER = "import mlflow", "import dir"
GOT, SENT = "files got", "folders sent"
PLAIN = {MLFLOW: GOT, FOLDER: SENT}
"""What each is compared with: the part of its work that nobody is spared."""

Round = dict[str, float]
"""Seconds by way."""


def run(system: System, *, quick: bool) -> Finding:
    """Import the same versions in rounds, each into an empty registry."""
    small, large_mib, rounds = (12, 32, 1) if quick else (100, 200, 3)
    loads = {
        f"{small:,} of {SMALL_BYTES // 1000} kB": (small, SMALL_BYTES),
        f"1 of {large_mib} MiB": (1, large_mib * MIB),
    }
    rows: list[dict[str, Value]] = []
    samples: dict[str, list[float]] = {}
    for load, (count, size_bytes) in loads.items():
        found = asyncio.run(_measure(system, count, size_bytes, rounds))
        for way in (MLFLOW, GOT, FOLDER, SENT):
            rows.append(_row(load, way, found, count, size_bytes))
            samples[f"{load}: {way}"] = [each[way] for each in found]
    notes = [
        f"MLflow {NEWEST}, one worker, SQLite and files; {AT_ONCE} versions at once everywhere.",
        f"{GOT}: bare httpx into files. {SENT}: `upload` of folders that are there already.",
        "The commands' seconds, medians, Python's start not counted; ratio: the loop's over these.",
        "What is imported is looked up, got, hashed, sent, checked, and ready at the end.",
    ]
    return Finding(NAME, "(m) Imports", rows, notes, samples)


def _row(
    load: str, way: str, rounds: Sequence[Round], count: int, size_bytes: int
) -> dict[str, Value]:
    seconds = median(each[way] for each in rounds)
    plain = PLAIN.get(way, way)
    return {
        "load": load,
        "way": way,
        "seconds": seconds,
        "each/s": count / seconds,
        "MiB/s": count * size_bytes / MIB / seconds,
        "ratio": median(each[plain] / each[way] for each in rounds),
    }


async def _measure(system: System, count: int, size_bytes: int, rounds: int) -> list[Round]:
    work = system.root / "imports"
    work.mkdir()
    try:
        async with mlflow_server(work) as server:
            await server.fill("load", count, size_bytes=size_bytes)
            return [await _round(system, server, work) for _ in range(rounds)]
    finally:
        shutil.rmtree(work)


async def _round(system: System, server: MlflowFilled, work: Path) -> Round:
    files, folders = work / "files", work / "folders"
    _empty(system)
    found = {MLFLOW: await _command(system, work, "mlflow", "--tracking-uri", server.address)}
    found[GOT] = await _get_all(server, files)
    await _registry(system, "export", "load", str(folders))
    _empty(system)
    found[FOLDER] = await _command(system, work, "dir", str(folders))
    _empty(system)
    found[SENT] = await _send_all(system, folders / "load")
    for each in (files, folders):
        shutil.rmtree(each)
    os.sync()
    return found


def _empty(system: System) -> None:
    """Give the services nothing that was sent before: bytes that are there are not sent again."""
    system.fresh()
    system.start("ingest", "query", "indexer")


async def _command(system: System, work: Path, *arguments: str) -> float:
    """Run an import; returns the seconds that it tells."""
    options = ("--at-once", str(AT_ONCE), "--folder", str(work), "--json")
    report = json.loads(await _registry(system, "import", *arguments, *options))
    if report["failed"] or report["refused"] or not report["imported"]:
        raise BenchmarkError(f"not imported: {report}")
    return report["seconds"]


async def _registry(system: System, *arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CODE, *arguments),
        *("--url", system.settings.ingest_url),
        env={**os.environ, **system.client_environment},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise BenchmarkError(f"registry {arguments[0]} ended with {process.returncode}: {told!r}")
    return told


async def _get_all(server: MlflowFilled, files: Path) -> float:
    """Get every file from MLflow, by a plain loop."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def get(client: httpx.AsyncClient, run_id: str, paths: Sequence[str]) -> None:
        async with turn:
            for path in paths:
                target = files / run_id / path
                target.parent.mkdir(parents=True, exist_ok=True)
                address = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/model/{path}"
                async with client.stream("GET", address) as answer:
                    answer.raise_for_status()
                    with target.open("wb") as file:
                        async for chunk in answer.aiter_raw(MIB):
                            file.write(chunk)

    async with (
        httpx.AsyncClient(base_url=server.address, timeout=60, trust_env=False) as client,
        asyncio.TaskGroup() as group,
    ):
        begun = perf_counter()
        for version in server.versions["load"].values():
            group.create_task(get(client, version.run_id, list(version.files)))
    return perf_counter() - begun


async def _send_all(system: System, folders: Path) -> float:
    """Upload every version's folder, by a plain loop."""
    turn = asyncio.Semaphore(AT_ONCE)
    url = system.settings.ingest_url

    async def send(client: AsyncModelRegistryClient, folder: Path) -> None:
        async with turn:
            version = await client.upload("load", folder, version=int(folder.name))
        if version.state != "ready":
            raise BenchmarkError(f"version {version.number} is {version.state}")

    versions = _without_empty_files(folders)
    begun = perf_counter()
    async with (
        AsyncModelRegistryClient(url, **system.client_options) as client,
        asyncio.TaskGroup() as group,
    ):
        for folder in versions:
            group.create_task(send(client, folder))
    return perf_counter() - begun


def _without_empty_files(folders: Path) -> list[Path]:
    """Return the folders of versions without files that `upload` refuses, and an import notes."""
    for path in folders.rglob("*"):
        if path.is_file() and path.stat().st_size == 0:
            path.unlink()
    return [each for each in folders.iterdir() if each.name.isdecimal()]
