"""(a) Uploads of large files: the registry's client beside boto3's upload_file."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import uvloop

from bench.common import System, empty_bucket, python_process, read_line
from bench.memory import MIB
from bench.report import Finding, Value
from bench.upload_once import CONCURRENCY

NAME = "uploads"
TARGET = 0.95
PEAK_TARGET_MIB = 150


@dataclass(frozen=True)
class Plan:
    """Size of the file, and how often each client uploads it."""

    size_mib: int
    rounds: int
    size_is_known: bool = False
    """Whether the registry has a file of that size, so that its client hashes before it sends."""

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.size_mib:,} MiB{', size known' if self.size_is_known else ''}"


@dataclass(frozen=True)
class Upload:
    """What one process measured."""

    seconds: float
    """Until the last byte was stored and the parts were joined."""
    ready_seconds: float
    """Until the version was ready; for boto3 the same as `seconds`."""
    peak_mib: float


def run(system: System, *, quick: bool) -> Finding:
    """Upload each size in rounds that alternate between both clients."""
    plans = (
        [Plan(64, 3), Plan(256, 3), Plan(256, 3, size_is_known=True)]
        if quick
        else [Plan(64, 9), Plan(512, 7), Plan(2048, 5), Plan(2048, 3, size_is_known=True)]
    )
    system.fresh()
    system.start("ingest", "query", "indexer")
    rows: list[dict[str, Value]] = []
    samples: dict[str, list[float]] = {}
    for plan in plans:
        file = _make_file(system.root / f"{plan.size_mib}.bin", plan.size_mib)
        pairs = [_round(system, plan, file, number) for number in range(plan.rounds)]
        file.unlink()
        ours, boto3 = [mine for mine, _ in pairs], [other for _, other in pairs]
        rows += _rows(plan, ours, boto3)
        samples[f"{plan.name}: registry"] = [upload.seconds for upload in ours]
        samples[f"{plan.name}: boto3"] = [upload.seconds for upload in boto3]
    settings = system.settings
    part, single = (
        size // MIB
        for size in (settings.upload_part_size_bytes, settings.upload_single_put_max_bytes)
    )
    notes = [
        f"New bytes from a warm page cache; {CONCURRENCY} parts of {part} MiB at a time, one PUT "
        f"up to {single} MiB; a fresh process each; same bucket, so versioned and notified alike; "
        "its objects are deleted after each upload. Size known: the registry has a file of that "
        "size, so its client hashes before it sends.",
        "Seconds from making the client until the bytes are stored, medians; ratio: median of the "
        "rounds' ratios of throughput. The registry's client also has storage attest every "
        "byte's SHA-256.",
        f"Goal at 2 GiB: ratio at least {TARGET}, peak under {PEAK_TARGET_MIB} MiB and the same "
        "at 512 MiB.",
    ]
    return Finding(NAME, "(a) Uploads", rows, notes, samples)


def _rows(plan: Plan, ours: Sequence[Upload], boto3: Sequence[Upload]) -> list[dict[str, Value]]:
    ratio = median(b.seconds / a.seconds for a, b in zip(ours, boto3, strict=True))
    mine: dict[str, Value] = {"file": plan.name, "client": "registry"}
    other: dict[str, Value] = {**mine, "client": "boto3"}
    for row, uploads in ((mine, ours), (other, boto3)):
        row["seconds"] = median(upload.seconds for upload in uploads)
        row["MiB/s"] = plan.size_mib / median(upload.seconds for upload in uploads)
        row["peak MiB"] = max(upload.peak_mib for upload in uploads)
    mine["ratio"] = ratio
    mine["ready after s"] = median(upload.ready_seconds for upload in ours)
    return [mine, other]


def _round(system: System, plan: Plan, file: Path, number: int) -> tuple[Upload, Upload]:
    """Upload once with each client; who begins alternates."""
    settings = system.settings
    url = settings.ingest_url
    bucket = settings.minio_bucket
    registry = ("registry", url, "large", str(file))
    boto3 = ("boto3", bucket, f"baseline/{file.name}", str(file))
    order = (registry, boto3) if number % 2 == 0 else (boto3, registry)
    found: dict[str, Upload] = {}
    for arguments in order:
        _make_new(file, size_stays=plan.size_is_known)
        found[arguments[0]] = _upload(system, arguments)
    return found["registry"], found["boto3"]


def _upload(system: System, arguments: Sequence[str]) -> Upload:
    settings = system.settings
    environment = {
        **system.client_environment,
        "UPLOAD_PART_SIZE_BYTES": str(settings.upload_part_size_bytes),
        "UPLOAD_SINGLE_PUT_MAX_BYTES": str(settings.upload_single_put_max_bytes),
    }
    with python_process("bench.upload_once", *arguments, environment=environment) as process:
        read_line(process)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        found: dict[str, float] = json.loads(read_line(process))
    uvloop.run(empty_bucket(system.settings, system.settings.minio_bucket))
    os.sync()  # the next one does not pay for the writes of this one
    seconds = found["seconds"]
    return Upload(seconds, found.get("ready_seconds", seconds), found["peak_mib"])


def _make_new(file: Path, *, size_stays: bool) -> None:
    """Change the file, since bytes that the registry has are not sent again."""
    with file.open("r+b") as opened:
        opened.write(os.urandom(16))
        if not size_stays:
            opened.seek(0, os.SEEK_END)
            opened.write(b"0")


def _make_file(path: Path, size_mib: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(MIB))
    os.sync()
    return path
