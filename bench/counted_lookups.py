"""A lookup, in instructions of query: all kinds of telemetry at once, asked in turns."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice

import uvloop

from bench import callgrind, lookups
from bench.callgrind import Counter
from bench.common import System
from bench.lookups import IN_FLIGHT, Program, look_up, until_answered
from bench.telemetry import SERVICES, Kinds
from bench.wire import Connection
from local.processes.ports import choose_port

WARM_UP = 300
START_SECONDS = 600.0


@dataclass(frozen=True)
class Plan:
    """How much is counted."""

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


def count(system: System, kinds: Kinds, plan: Plan) -> dict[str, list[float]]:
    """Return the thousands of instructions of a lookup, for each kind in each window."""
    system.fresh()
    system.start(*SERVICES)
    opened = uvloop.run(lookups.upload_all(system, lookups.Plan(100, 10, 1, 0.0)))
    targets = [f"/v1/models/{each.model}/versions/{each.number}" for each in opened]
    system.stop(*SERVICES)
    with ExitStack() as stack:
        services: dict[str, Counted] = {}
        for kind, settings in kinds.items():
            port = choose_port("query", "free", None)
            environment = {**system.environment, **settings, "QUERY_PORT": str(port)}
            out = system.root / f"query.{kind.replace(' ', '-')}"
            counter = stack.enter_context(callgrind.counted("services.query", environment, out))
            program = Program((system.settings.registry_host, port), system.bearer)
            services[kind] = Counted(program, counter)
        uvloop.run(_measure(list(services.values()), targets, plan))
    return {kind: each.found for kind, each in services.items()}


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
