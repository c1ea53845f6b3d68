"""Uploads under random faults for as long as they take, and what came of them.

python -m tests.faults.long_run --uploads 10000 --seed 1
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import uvloop

from local.processes.state import SERVERS
from tests.faults.harness.checker import unrest
from tests.faults.harness.outages import own_servers
from tests.faults.harness.repairs import Repairs
from tests.faults.harness.running_registry import Harness, running_registry
from tests.faults.long_run.faults import Faults
from tests.faults.long_run.figures import Figures
from tests.support.api import MIB

MODELS = 50
AT_ONCE = 8
OUTAGE_UPLOADS = 100
PATIENCE_SECONDS = 600.0
REST_SECONDS = 300.0
LARGE_SHARE, BAD_SHARE = 0.005, 0.02
"""How many uploads go in parts, and how many are meant to be rejected."""


async def run(uploads: int, seed: int, outage_seconds: float) -> bool:
    """Run it and print the table; False where the checker found something."""
    figures = Figures(seed, outage_seconds=outage_seconds)
    async with _registry() as registry, Repairs(registry.view) as repairs:
        faults = Faults(registry, seed)
        await faults.start()
        begun, over = monotonic(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(faults.run(over))
            await _upload(registry, uploads, random.Random(seed))  # noqa: S311 - no secret
            over.set()
        figures.seconds, figures.faults = monotonic() - begun, faults.counts
        figures.violations += await registry.violations(rest_seconds=REST_SECONDS)
        if outage_seconds:
            for name in SERVERS:
                figures.catching_up[name] = await _outage(registry, name, outage_seconds, seed)
            figures.violations += await registry.violations(rest_seconds=REST_SECONDS)
        figures.comparisons, figures.repaired = repairs.comparisons, repairs.by_kind
    print(figures.table(registry.ledger))  # noqa: T201 - it is for a person
    for violation in figures.violations:
        print(violation, file=sys.stderr)  # noqa: T201
    return not figures.violations


@asynccontextmanager
async def _registry() -> AsyncGenerator[Harness]:
    logs = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="registry-long-run-"))
    try:
        with own_servers() as servers:
            settings = {"RECONCILE_INTERVAL_SECONDS": "5", "LOG_LEVEL": "warning"}
            async with running_registry(
                servers, logs, patience_seconds=PATIENCE_SECONDS, **settings
            ) as registry:
                yield registry
    finally:
        shutil.rmtree(logs, ignore_errors=True)


async def _upload(registry: Harness, count: int, chosen: random.Random) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with slots:
            model, kind = f"{registry.model}-{chosen.randrange(MODELS)}", chosen.random()
            data = chosen.randbytes(6 * MIB if kind < LARGE_SHARE else chosen.randint(1, 4000))
            if kind > 1 - BAD_SHARE:
                bad = {"model.safetensors": data}
                await registry.uploader.upload(model, bad, outcome="rejected")
            else:
                await registry.uploader.upload(model, data)

    await asyncio.gather(*(one() for _ in range(count)))


async def _outage(registry: Harness, name: str, seconds: float, seed: int) -> float:
    """Upload while a server is away, and return how long the backlog takes after its return."""
    chosen = random.Random(f"{seed} {name}")  # noqa: S311 - no secret
    async with asyncio.TaskGroup() as group:
        async with registry.servers.killed(name):
            group.create_task(_upload(registry, OUTAGE_UPLOADS, chosen))
            await asyncio.sleep(seconds)
        back = monotonic()
    if left := await unrest(registry.view, registry.ledger, REST_SECONDS):
        raise RuntimeError(f"after an outage of {name}: {left}")
    return monotonic() - back


def main() -> None:
    """Read the arguments, run, and end with 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.long_run", description=__doc__)
    parser.add_argument("--uploads", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--outage-seconds", type=float, default=60.0, help="0: no long outages")
    arguments = parser.parse_args()
    done = uvloop.run(run(arguments.uploads, arguments.seed, arguments.outage_seconds))
    sys.exit(0 if done else 1)


if __name__ == "__main__":
    main()
