"""(j) Downloads by huggingface_hub: from the registry, and from a plain file server."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.common import BenchmarkError, System, python_process, read_line
from bench.memory import MIB
from bench.report import Finding, Value
from registry import ModelRegistryClient

NAME = "hub downloads"
HUB = "huggingface_hub==2.4.0"
MODEL = "hub-load"
OURS, HUB_OURS, HUB_PLAIN = "registry's client", "hf from the registry", "hf from files"
WAYS = (OURS, HUB_OURS, HUB_PLAIN)

Measured = dict[str, float]


def run(system: System, *, quick: bool) -> Finding:
    """Download one file in rounds in which the three ways take turns."""
    size_mib, rounds = (64, 3) if quick else (1024, 5)
    system.fresh()
    system.start("ingest", "query", "indexer")
    source = system.root / "hub-source"
    _publish(system, source, size_mib)
    with python_process("bench.plain_hub", str(source), environment={}) as plain:
        port = int(read_line(plain))
        found = [_round(system, f"http://127.0.0.1:{port}", turn) for turn in range(rounds)]
    shutil.rmtree(source)
    rows = [_row(f"{size_mib:,} MiB", way, found) for way in WAYS]
    notes = [
        f"{HUB}, snapshot_download into an empty cache; one connection a file, nothing verified.",
        "The registry's client verifies every byte and syncs the file; a fresh process each.",
        "Seconds of the call, medians; ratio: the seconds of hf from plain files over these.",
    ]
    samples = {way: [one[way]["seconds"] for one in found] for way in WAYS}
    return Finding(NAME, "(j) Downloads by huggingface_hub", rows, notes, samples)


def _row(load: str, way: str, rounds: Sequence[dict[str, Measured]]) -> dict[str, Value]:
    ratios = [one[HUB_PLAIN]["seconds"] / one[way]["seconds"] for one in rounds]
    return {
        "load": load,
        "way": way,
        "seconds": median(one[way]["seconds"] for one in rounds),
        "CPU s": median(one[way]["cpu_seconds"] for one in rounds),
        "ratio": median(ratios),
        "its range": f"{min(ratios):.2f}-{max(ratios):.2f}",
    }


def _publish(system: System, source: Path, size_mib: int) -> None:
    source.mkdir()
    with (source / "model.bin").open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(MIB))
    with ModelRegistryClient(system.settings.ingest_url, **system.client_options) as client:
        version = client.upload(MODEL, source / "model.bin")
    if version.state != "ready":
        raise BenchmarkError(f"the version is {version.state}")
    os.sync()


def _round(system: System, plain: str, turn: int) -> dict[str, Measured]:
    begins = turn % len(WAYS)
    return {way: _download(system, way, plain) for way in WAYS[begins:] + WAYS[:begins]}


def _download(system: System, way: str, plain: str) -> Measured:
    target = system.root / "target"
    if way == OURS:
        arguments = ("registry", system.settings.ingest_url, MODEL, str(target))
        command = [sys.executable, "-m", "bench.download_once", *arguments]
        environment = system.client_environment
    else:
        script = Path(__file__).parent / "hub_once.py"
        command = [
            *("uv", "run", "--isolated", "--no-project", "--python", sys.executable),
            *("--with", HUB, "python", str(script), f"default/{MODEL}", str(target)),
        ]
        host, port = system.address("query")
        environment = {
            "HF_ENDPOINT": f"http://{host}:{port}" if way == HUB_OURS else plain,
            "HF_TOKEN": system.environment["REGISTRY_ADMIN_TOKEN"],
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
    found = _measured(command, environment)
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    os.sync()
    return {name: found[name] for name in ("seconds", "cpu_seconds")}


def _measured(command: Sequence[str], environment: dict[str, str]) -> Measured:
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            read_line(process)
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
            return json.loads(read_line(process))
        finally:
            process.kill()
