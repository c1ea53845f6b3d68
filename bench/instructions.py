"""(p) What telemetry costs a lookup, in instructions: times differ more from process to process."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from statistics import median

import uvloop

from bench import callgrind, lookups
from bench.callgrind import Counter
from bench.common import System, python_process, read_line
from bench.lookups import IN_FLIGHT, Program, look_up, until_answered
from bench.report import Finding, Value
from bench.telemetry import OFF, SERVICES, kinds_of
from bench.wire import Connection
from local.processes.ports import choose_port

NAME = "instructions"
TITLE = "(p) Instructions of a lookup"
WARM_UP = 300
START_SECONDS = 600.0


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    windows: int
    """Each kind of telemetry is measured so often, in turns."""
    lookups: int
    """In each window."""


@dataclass
class Counted:
    """A query service with one kind of telemetry."""

    program: Program
    counter: Counter
    found: list[float] = field(default_factory=list[float])
    """Instructions of a lookup, in thousands, of each window."""


def run(system: System, *, quick: bool) -> Finding:
    """Count with each kind of telemetry in turns; nothing where valgrind is not installed."""
    if not callgrind.is_here():
        return Finding(NAME, TITLE, [], ["Not counted: valgrind is not installed."])
    plan = Plan(1, 200) if quick else Plan(3, 1000)
    system.fresh()
    system.start(*SERVICES)
    opened = uvloop.run(lookups.upload_all(system, lookups.Plan(100, 10, 1, 0.0)))
    targets = [f"/v1/models/{each.model}/versions/{each.number}" for each in opened]
    system.stop(*SERVICES)
    with ExitStack() as stack:
        receiver = stack.enter_context(python_process("bench.otlp_receiver", environment={}))
        kinds = kinds_of(f"http://127.0.0.1:{read_line(receiver).strip()}")
        services: dict[str, Counted] = {}
        for kind, settings in kinds.items():
            port = choose_port("query", "free", None)
            environment = {**system.environment, **settings, "QUERY_PORT": str(port)}
            out = system.root / f"callgrind.{kind.replace(' ', '-')}"
            counter = stack.enter_context(callgrind.counted("services.query", environment, out))
            program = Program((system.settings.registry_host, port), system.bearer)
            services[kind] = Counted(program, counter)
        uvloop.run(_measure(list(services.values()), targets, plan))
    notes = [
        f"Of query, the kernel's left out: medians of {plan.windows} windows of {plan.lookups:,}"
        f" lookups with {IN_FLIGHT} in flight; `off again` shows how far two processes of one kind"
        " are apart. Goal: within 5%.",
    ]
    samples = {kind: each.found for kind, each in services.items()}
    return Finding(NAME, TITLE, _rows(services), notes, samples)


async def _measure(services: list[Counted], targets: list[str], plan: Plan) -> None:
    for each in services:
        await until_answered(each.program, targets[0], START_SECONDS)
        await _ask(each.program, targets, WARM_UP)
    for _ in range(plan.windows):
        for each in services:
            each.counter.begin()  # what went on while others were asked
            await _ask(each.program, targets, plan.lookups)
            each.found.append(each.counter.end() / plan.lookups / 1000)


async def _ask(program: Program, targets: list[str], count: int) -> None:
    left = list(islice(cycle(targets), count))
    connections = [await Connection.open(*program.address) for _ in range(IN_FLIGHT)]

    async def ask(connection: Connection) -> None:
        while left:
            await look_up(connection, left.pop(), program)

    await asyncio.gather(*map(ask, connections))
    for connection in connections:
        connection.close()


def _rows(services: dict[str, Counted]) -> list[dict[str, Value]]:
    of_off = services[OFF].found
    rows: list[dict[str, Value]] = []
    for kind, each in services.items():
        row: dict[str, Value] = {"telemetry": kind, "thousands": median(each.found)}
        if kind != OFF:
            ratios = (mine / off for mine, off in zip(each.found, of_off, strict=True))
            row["to off"] = median(ratios)
        rows.append(row)
    return rows
