"""(o) What telemetry costs: the same work without it, with figures, and with traces, in turns."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

import uvloop

from bench import backlog, latency, lookups
from bench.backlog import make_backlog, work_off
from bench.common import System, python_process, read_line
from bench.cpu import cpu_seconds
from bench.report import Finding, Value

NAME = "telemetry"
OFF, OFF_AGAIN, FIGURES, TRACES = "off", "off again", "figures", "traces"
SERVICES = ("ingest", "query", "indexer")
ROUNDS_OF_A_PROCESS = 6
"""Processes of one program differ by some percent, for as long as they live."""


@dataclass(frozen=True)
class Plan:
    """How much is measured; `rounds` of each plan count here."""

    latencies: tuple[latency.Plan, ...]
    backlog: backlog.Plan
    lookups: lookups.Plan


QUICK = Plan((latency.Plan(20, 40, 1),), backlog.Plan(4000, 40, 1), lookups.Plan(100, 10, 4, 0.5))
WHOLE = Plan(
    (latency.Plan(1, 8, 6), latency.Plan(20, 100, 9)),
    backlog.Plan(4000, 40, 9),
    lookups.Plan(500, 25, 60, 0.5),
)


@dataclass(frozen=True)
class Cost:
    """What one round of the same work came to."""

    figure: float
    cpu_milliseconds: float
    """Of the services, for each upload, event or lookup."""


@dataclass(frozen=True)
class Work:
    """Something that is done with each kind of telemetry in turns."""

    what: str
    rounds: int
    is_rate: bool
    """Whether more is better."""
    measure: Callable[[str, int], Cost]
    """Does it once: with which kind, and in which round."""


Kinds = Mapping[str, Mapping[str, str]]
"""Settings of each kind of telemetry."""


def run(system: System, *, quick: bool) -> Finding:
    """Measure (b), (c) and (d) with each kind of telemetry; each round begins with another."""
    rows: list[dict[str, Value]] = []
    samples: dict[str, list[float]] = {}
    with python_process("bench.otlp_receiver", environment={}) as receiver:
        endpoint = f"http://127.0.0.1:{read_line(receiver).strip()}"
        kinds = kinds_of(endpoint)
        for work in _works(system, QUICK if quick else WHOLE, kinds):
            costs = _in_turns(list(kinds), work)
            rows += _rows(work, costs)
            for kind, found in costs.items():
                samples[f"{work.what}: {kind}"] = [cost.figure for cost in found]
                samples[f"{work.what}: {kind}, CPU"] = [cost.cpu_milliseconds for cost in found]
    notes = [
        "`figure` and `CPU ms`: medians of the rounds; `to off`: median of the rounds' ratios."
        " `best`: of the best round, as a machine that has other work can only be slower; `best to"
        " off` compares these. Goal: within 5%.",
        "`off again` is a second set of processes of the first kind: what it differs by, any may.",
        "CPU: the services' processor time for each upload, event or lookup.",
        "Traces: with figures as well; they go to a receiver on this machine, which takes its"
        " share of the cores. A lookup that is told of no trace has no span.",
    ]
    return Finding(NAME, "(o) Telemetry", rows, notes, samples)


def kinds_of(endpoint: str) -> Kinds:
    """Return the settings of each kind; two of them are the same, and show what counts for none."""
    off = {"METRICS_ENABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": ""}
    figures = {**off, "METRICS_ENABLED": "true"}
    traces = {**figures, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    return {OFF: off, OFF_AGAIN: off, FIGURES: figures, TRACES: traces}


def _works(system: System, plan: Plan, kinds: Kinds) -> Iterator[Work]:
    """Yield each work once what it needs is there."""
    for each in plan.latencies:
        yield _latency(system, each, kinds)
    yield _backlog(system, plan.backlog, kinds)
    with _lookups(system, plan.lookups, kinds) as work:
        yield work


def _latency(system: System, plan: latency.Plan, kinds: Kinds) -> Work:
    def measure(kind: str, _round: int) -> Cost:
        system.fresh()
        system.start(*SERVICES, **kinds[kind])
        begun = _cpu_of(system, *SERVICES)
        (taken,) = uvloop.run(latency.registry_round(system, plan)).values()
        used = _cpu_of(system, *SERVICES) - begun
        system.stop(*SERVICES)
        return Cost(median(taken), used / (plan.uploads + latency.WARM_UP) * 1000)

    return Work(f"(b) {plan.rate:g}/s, p50 ms", plan.rounds, is_rate=False, measure=measure)


def _backlog(system: System, plan: backlog.Plan, kinds: Kinds) -> Work:
    system.environment |= kinds[TRACES]  # so that the versions know of a trace, to go on with
    made = make_backlog(system, plan)

    def measure(kind: str, number: int) -> Cost:
        system.environment |= kinds[kind]
        rate = work_off(made, f"{number}_{kind}", backlog.indexer)
        return Cost(rate.per_second, rate.cpu_seconds / plan.events * 1000)

    return Work("(c) events/s", plan.rounds, is_rate=True, measure=measure)


@contextmanager
def _lookups(system: System, plan: lookups.Plan, kinds: Kinds) -> Generator[Work]:
    """Have services of each kind at once, which are asked in turns of a moment."""
    system.fresh()
    system.start(*SERVICES, **kinds[OFF])
    opened = uvloop.run(lookups.upload_all(system, plan))
    targets = [f"/v1/models/{each.model}/versions/{each.number}" for each in opened]
    system.stop(*SERVICES)
    with ExitStack() as stack:
        taken = {name: value for name, value in system.environment.items() if name != "QUERY_PORT"}
        systems = {kind: System(system.root / kind, dict(taken)) for kind in kinds}
        for each in systems.values():
            stack.callback(each.stop, "query")

        def measure(kind: str, number: int) -> Cost:
            asked = systems[kind]
            is_new = number % ROUNDS_OF_A_PROCESS == 0
            if is_new:
                asked.stop("query")
                asked.start("query", **kinds[kind])
            program = lookups.Program(asked.address("query"), asked.bearer)
            if is_new:
                uvloop.run(lookups.measure(program, targets, plan.seconds))  # warm up
            begun = _cpu_of(asked, "query")
            rate = uvloop.run(lookups.measure(program, targets, plan.seconds))
            used = _cpu_of(asked, "query") - begun
            return Cost(rate.per_second, used / (rate.per_second * plan.seconds) * 1000)

        yield Work("(d) lookups/s", plan.rounds, is_rate=True, measure=measure)


def _in_turns(names: list[str], work: Work) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(work.rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            costs[name].append(work.measure(name, number))
    return costs


def _rows(work: Work, costs: Mapping[str, list[Cost]]) -> list[dict[str, Value]]:
    best = max if work.is_rate else min
    bests = {kind: best(cost.figure for cost in found) for kind, found in costs.items()}
    rows: list[dict[str, Value]] = []
    for kind, found in costs.items():
        row: dict[str, Value] = {
            "what": work.what,
            "telemetry": kind,
            "figure": median(cost.figure for cost in found),
            "best": bests[kind],
            "CPU ms": median(cost.cpu_milliseconds for cost in found),
        }
        if kind != OFF:
            pairs = zip(found, costs[OFF], strict=True)
            row["to off"] = median(mine.figure / off.figure for mine, off in pairs)
            row["best to off"] = bests[kind] / bests[OFF]
        rows.append(row)
    return rows


def _cpu_of(system: System, *services: str) -> float:
    return sum(cpu_seconds(system.pid(service)) for service in services)
