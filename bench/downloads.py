"""(f) Downloads: the registry's client beside boto3's download_file."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

from bench.common import BenchmarkError, System, python_process, read_line
from bench.download_once import CLIENTS, FILES_AT_ONCE
from bench.memory import MIB
from bench.report import Finding, Value
from registry import ModelRegistryClient

NAME = "downloads"
DEFAULT_SIZES = "64,512,2048,1000x1"
QUICK_SIZES = "16,128,100x1"
PEAK_TARGET_MIB = 200


@dataclass(frozen=True)
class Load:
    """What is downloaded: so many files of one size."""

    files: int
    size_mib: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `512`, one file of 512 MiB, or `1000x1`, a thousand of 1 MiB; else ValueError."""
        count, separator, size = text.rpartition("x")
        load = cls(int(count) if separator else 1, int(size))
        if load.files < 1 or load.size_mib < 1:
            raise ValueError(text)
        return load

    @property
    def name(self) -> str:
        """For tables."""
        count = f"{self.files:,} x " if self.files > 1 else ""
        return f"{count}{self.size_mib:,} MiB"

    @property
    def total_mib(self) -> int:
        """All files together."""
        return self.files * self.size_mib

    @property
    def rounds(self) -> int:
        """Fewer where each takes long."""
        return 9 if self.total_mib <= 64 else 7 if self.total_mib <= 512 else 5


@dataclass(frozen=True)
class Download:
    """What one process measured."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


Round = dict[str, Download]
"""One download by each client."""


def parse_sizes(text: str) -> list[Load]:
    """Read a comma-separated list of loads; raises ValueError."""
    return [Load.parse(part) for part in text.split(",")]


def run(system: System, *, quick: bool, sizes: Sequence[Load] | None = None) -> Finding:
    """Download each load in rounds in which the clients take turns."""
    loads = sizes or parse_sizes(QUICK_SIZES if quick else DEFAULT_SIZES)
    system.fresh()
    system.start("ingest", "query", "indexer")
    rows: list[dict[str, Value]] = []
    samples: dict[str, list[float]] = {}
    busy: list[str] = []
    for number, load in enumerate(loads):
        model = f"load-{number}"
        _publish(system, model, load)
        busy.append(f"{os.getloadavg()[0]:.1f} ({load.name})")
        rounds = [_round(system, model, turn) for turn in range(3 if quick else load.rounds)]
        rows += _rows(load, rounds)
        for client in CLIENTS:
            samples[f"{load.name}: {client}"] = [one[client].seconds for one in rounds]
    notes = [
        "Same objects from a warm page cache of storage to a fresh target; a fresh process each. "
        f"boto3 by its own settings, small files by a pool of {FILES_AT_ONCE} threads.",
        "The registry's client verifies every byte's SHA-256, pins the object version, survives a "
        "kill and gives a file its name when it is durable. boto3 does none of it; boto3+fsync "
        "makes files and names durable after it.",
        "Seconds from making the client until the call returns, CPU seconds of that process, "
        "medians; ratio: the client's seconds over the registry's, median and range over the "
        "rounds.",
        f"Load average of the machine when each began: {', '.join(busy)}.",
        "Goal: ratio of boto3 at least 1.0 at 2 GiB and at 1,000 files, 0.9 at 64 MiB; peak under "
        f"{PEAK_TARGET_MIB} MiB.",
    ]
    return Finding(NAME, "(f) Downloads", rows, notes, samples)


def _rows(load: Load, rounds: Sequence[Round]) -> list[dict[str, Value]]:
    rows: list[dict[str, Value]] = []
    for client in CLIENTS:
        found = [one[client] for one in rounds]
        ratios = [one[client].seconds / one["registry"].seconds for one in rounds]
        row: dict[str, Value] = {
            "load": load.name,
            "client": client,
            "seconds": median(download.seconds for download in found),
            "CPU s": median(download.cpu_seconds for download in found),
            "peak MiB": max(download.peak_mib for download in found),
        }
        if client != "registry":
            row["ratio"] = median(ratios)
            row["its range"] = f"{min(ratios):.2f}-{max(ratios):.2f}"
        rows.append(row)
    return rows


def _publish(system: System, model: str, load: Load) -> None:
    """Upload the load as a version, and wait until it is ready."""
    folder = system.root / "source"
    folder.mkdir()
    try:
        for number in range(load.files):
            with (folder / f"{number:06}.bin").open("wb") as file:
                for _ in range(load.size_mib):
                    file.write(os.urandom(MIB))
        with ModelRegistryClient(system.settings.ingest_url, **system.client_options) as client:
            version = client.upload(model, folder)
        if len(version.artifacts) != load.files:
            raise BenchmarkError(f"{len(version.artifacts)} of {load.files} files were uploaded")
    finally:
        shutil.rmtree(folder)
    os.sync()


def _round(system: System, model: str, turn: int) -> Round:
    """Download once with each client; who begins changes from round to round."""
    clients = list(CLIENTS)
    begins = turn % len(clients)
    return {
        client: _download(system, client, model) for client in clients[begins:] + clients[:begins]
    }


def _download(system: System, client: str, model: str) -> Download:
    target = system.root / "target"
    where = (system.settings.ingest_url, model)
    if client != "registry":
        where = (system.settings.minio_bucket, f"{model}/1/")
    arguments = (client, *where, str(target))
    environment = system.client_environment
    with python_process("bench.download_once", *arguments, environment=environment) as process:
        read_line(process)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        found = Download(**json.loads(read_line(process)))
    _remove(target)
    os.sync()  # the next one does not pay for the writes of this one
    return found


def _remove(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink()
