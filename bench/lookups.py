"""(d) Lookups a second: the query service beside a handler that only does find_one."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median
from time import perf_counter, process_time

import uvloop

from bench.common import BenchmarkError, System, python_process
from bench.report import Finding
from bench.small_uploads import Opened, open_uploads
from bench.wire import Connection
from local.processes.ports import choose_port

NAME = "lookups"
IN_FLIGHT = 24
TARGET = 0.85
ALIAS = "production"


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    versions: int
    models: int
    rounds: int
    seconds: float
    """Length of each measurement."""


@dataclass(frozen=True)
class Program:
    """A program that answers lookups: its address, and the headers that it wants."""

    address: tuple[str, int]
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True)
class Rate:
    """What one measurement found."""

    per_second: float
    p99_ms: float
    generator_cpu: float
    """The part of a core that the load generator used; near 1 it would be what is measured."""


def run(system: System, *, quick: bool) -> Finding:
    """Measure lookups by number and by id, alternating between both programs."""
    plan = Plan(300, 10, 2, 2.0) if quick else Plan(2000, 50, 7, 5.0)
    system.fresh()
    system.start("ingest", "query", "indexer")
    opened = uvloop.run(upload_all(system, plan))
    uvloop.run(_point(system, opened))
    system.stop("ingest", "indexer")
    port = choose_port("query", "free", None)
    bare = (system.settings.registry_host, port)
    ours = Program(system.address("query"), system.bearer)
    with python_process("bench.bare_lookup", str(port), environment=system.environment):
        return uvloop.run(_compare(ours, Program(bare), opened, plan))


async def upload_all(system: System, plan: Plan) -> list[Opened]:
    """Upload the plan's versions, and wait until all are ready."""
    names = cycle(f"lookup-{number}" for number in range(plan.models))
    queue = [next(names) for _ in range(plan.versions)]
    done: list[Opened] = []
    async with open_uploads(system) as uploads:

        async def worker() -> None:
            while queue:
                opened = await uploads.open(queue.pop())
                await uploads.put(opened)
                done.append(opened)

        await asyncio.gather(*(worker() for _ in range(8)))
    connection = await Connection.open(*system.address("query"))
    for opened in done:
        target = f"/v1/versions/{opened.version_id}?wait=30"
        answer = await connection.request("GET", target, headers=system.bearer)
        if b'"state":"ready"' not in answer.body:
            raise BenchmarkError(f"not ready: {answer.body!r}")
    connection.close()
    return done


async def _point(system: System, opened: Sequence[Opened]) -> None:
    """Let an alias of each model point at one of its versions."""
    connection = await Connection.open(*system.address("ingest"))
    for model, number in {each.model: each.number for each in opened}.items():
        target = f"/v1/models/{model}/aliases/{ALIAS}"
        headers = {**system.bearer, "content-type": "application/json"}
        body = f'{{"version": {number}}}'.encode()
        answer = await connection.request("PUT", target, body, headers=headers)
        if answer.status != 200:
            raise BenchmarkError(f"alias not set: {answer.body!r}")
    connection.close()


async def _compare(ours: Program, bare: Program, opened: Sequence[Opened], plan: Plan) -> Finding:
    by_number = [f"/v1/models/{each.model}/versions/{each.number}" for each in opened]
    by_id = [f"/v1/versions/{each.version_id}" for each in opened]
    models = sorted({each.model for each in opened})
    by_alias = [f"/v1/models/{model}/versions/@{ALIAS}" for model in models]
    await until_answered(bare, by_id[0])
    rows: list[dict[str, str | float]] = []
    samples: dict[str, list[float]] = {}
    for label, targets, of_bare in (
        ("by number", by_number, by_number),
        ("by id", by_id, by_id),
        ("by alias", by_alias, by_number),  # the bare program knows none
    ):
        await measure(ours, targets, min(1.0, plan.seconds))  # warm up
        await measure(bare, of_bare, min(1.0, plan.seconds))
        pairs = [
            (
                await measure(ours, targets, plan.seconds),
                await measure(bare, of_bare, plan.seconds),
            )
            for _ in range(plan.rounds)
        ]
        rows.append(_row(label, pairs))
        samples[f"{label}: registry"] = [mine.per_second for mine, _ in pairs]
        samples[f"{label}: bare"] = [other.per_second for _, other in pairs]
    notes = [
        "Bare: FastAPI + find_one of the same documents, same uvicorn settings, own process; it "
        "asks nobody who they are, and the registry asks for a token each time. "
        f"{IN_FLIGHT} requests in flight, {plan.rounds} alternating rounds of {plan.seconds:g} s; "
        f"ratio: median of the rounds' ratios; goal at least {TARGET}.",
    ]
    return Finding(NAME, "(d) Lookups", rows, notes, samples)


def _row(label: str, pairs: Sequence[tuple[Rate, Rate]]) -> dict[str, str | float]:
    return {
        "lookup": label,
        "registry/s": median(mine.per_second for mine, _ in pairs),
        "bare/s": median(bare.per_second for _, bare in pairs),
        "ratio": median(mine.per_second / bare.per_second for mine, bare in pairs),
        "p99 ms": median(mine.p99_ms for mine, _ in pairs),
        "bare p99 ms": median(bare.p99_ms for _, bare in pairs),
        "generator CPU": max(rate.generator_cpu for pair in pairs for rate in pair),
    }


async def measure(program: Program, targets: Sequence[str], seconds: float) -> Rate:
    """Keep requests in flight for so long, and count the answers."""
    connections = [await Connection.open(*program.address) for _ in range(IN_FLIGHT)]
    times: list[float] = []
    begun, cpu = perf_counter(), process_time()
    end = begun + seconds

    async def ask(connection: Connection) -> None:
        while (sent := perf_counter()) < end:
            target = random.choice(targets)  # noqa: S311
            await look_up(connection, target, program)
            times.append(perf_counter() - sent)

    await asyncio.gather(*(ask(connection) for connection in connections))
    elapsed = perf_counter() - begun
    used = process_time() - cpu
    for connection in connections:
        connection.close()
    p99 = sorted(times)[int(len(times) * 0.99)]
    return Rate(len(times) / elapsed, p99 * 1000, used / elapsed)


async def look_up(connection: Connection, target: str, program: Program) -> None:
    """Ask for a version; raises BenchmarkError where that is not what is answered."""
    answer = await connection.request("GET", target, headers=program.headers)
    if answer.status != 200:
        raise BenchmarkError(f"lookup answered {answer.status}: {answer.body!r}")


async def until_answered(program: Program, target: str, seconds: float = 10.0) -> None:
    """Wait until a program that begins answers a lookup; raises BenchmarkError after so long."""
    end = perf_counter() + seconds
    while perf_counter() < end:
        try:
            connection = await Connection.open(*program.address)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        answer = await connection.request("GET", target, headers=program.headers)
        connection.close()
        if answer.status == 200:
            return
        await asyncio.sleep(0.05)
    raise BenchmarkError(f"{program.address} does not answer a lookup within {seconds:.0f} s")
