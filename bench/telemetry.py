"""(o) What telemetry costs: the same work without it, with figures, and with traces, in turns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

import uvloop

from bench import backlog, latency, lookups
from bench.backlog import make_backlog, work_off
from bench.common import System, python_process, read_line
from bench.cpu import cpu_seconds
from bench.report import Finding, Value

NAME = "telemetry"
OFF, FIGURES, TRACES = "off", "figures", "traces"
SERVICES = ("ingest", "query", "indexer")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    backlog: backlog.Plan
    latencies: tuple[latency.Plan, ...]
    lookups: lookups.Plan


QUICK = Plan(
    1, backlog.Plan(4000, 40, 1), (latency.Plan(20, 40, 1),), lookups.Plan(100, 10, 1, 1.0)
)
WHOLE = Plan(
    9,
    backlog.Plan(8000, 80, 1),
    (latency.Plan(1, 10, 1), latency.Plan(20, 200, 1)),
    lookups.Plan(500, 25, 1, 4.0),
)


@dataclass(frozen=True)
class Cost:
    """What one round of the same work came to."""

    figure: float
    cpu_milliseconds: float
    """Of the services, for each upload, event or lookup."""


Measure = Callable[[Mapping[str, str], str], Cost]
"""Does the work with such settings; the second is a word that no other round has."""


def run(system: System, *, quick: bool) -> Finding:
    """Measure (b), (c) and (d) with each kind of telemetry; each round begins with another."""
    plan = QUICK if quick else WHOLE
    rows: list[dict[str, Value]] = []
    samples: dict[str, list[float]] = {}
    with python_process("bench.otlp_receiver", environment={}) as receiver:
        endpoint = f"http://127.0.0.1:{read_line(receiver).strip()}"
        kinds = {
            OFF: {"METRICS_ENABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": ""},
            FIGURES: {"METRICS_ENABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": ""},
            TRACES: {"METRICS_ENABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
        }
        for what, measure in _works(system, plan, kinds[TRACES]):
            costs = _in_turns(kinds, measure, plan.rounds)
            rows += _rows(what, costs)
            for kind, found in costs.items():
                samples[f"{what}: {kind}"] = [cost.figure for cost in found]
                samples[f"{what}: {kind}, CPU"] = [cost.cpu_milliseconds for cost in found]
    notes = [
        f"{plan.rounds} rounds, medians; `to off` is the median of the rounds' ratios. CPU:"
        " milliseconds of the services' processor time for each upload, event or lookup."
        " Goal: below 5%.",
        "Traces: with figures as well; they go to a receiver on this machine, which takes its"
        " share of the cores. A lookup that is told of no trace has no span.",
    ]
    return Finding(NAME, "(o) Telemetry", rows, notes, samples)


def _works(system: System, plan: Plan, traced: Mapping[str, str]) -> Iterator[tuple[str, Measure]]:
    """Yield each kind of work once what it needs is there."""
    for each in plan.latencies:
        yield f"(b) {each.rate:g}/s, p50 ms", _latency(system, each)
    system.environment |= (
        traced  # for versions that know of a trace, which the indexer goes on with
    )
    made = make_backlog(system, plan.backlog)

    def indexed(kind: Mapping[str, str], tag: str) -> Cost:
        system.environment |= kind
        rate = work_off(made, tag, backlog.indexer)
        return Cost(rate.per_second, rate.cpu_seconds / plan.backlog.events * 1000)

    yield "(c) events/s", indexed
    yield "(d) lookups/s", _lookups(system, plan.lookups)


def _latency(system: System, plan: latency.Plan) -> Measure:
    def measure(kind: Mapping[str, str], _tag: str) -> Cost:
        system.fresh()
        system.start(*SERVICES, **kind)
        begun = _cpu_of(system, *SERVICES)
        (taken,) = uvloop.run(latency.registry_round(system, plan)).values()
        used = _cpu_of(system, *SERVICES) - begun
        system.stop(*SERVICES)
        return Cost(median(taken), used / (plan.uploads + latency.WARM_UP) * 1000)

    return measure


def _lookups(system: System, plan: lookups.Plan) -> Measure:
    system.fresh()
    system.start(*SERVICES)
    opened = uvloop.run(lookups.upload_all(system, plan))
    targets = [f"/v1/models/{each.model}/versions/{each.number}" for each in opened]
    system.stop(*SERVICES)

    def measure(kind: Mapping[str, str], _tag: str) -> Cost:
        system.start("query", **kind)
        program = lookups.Program(system.address("query"), system.bearer)
        uvloop.run(lookups.measure(program, targets, min(1.0, plan.seconds)))  # warm up
        begun = _cpu_of(system, "query")
        rate = uvloop.run(lookups.measure(program, targets, plan.seconds))
        used = _cpu_of(system, "query") - begun
        system.stop("query")
        return Cost(rate.per_second, used / (rate.per_second * plan.seconds) * 1000)

    return measure


def _in_turns(
    kinds: Mapping[str, Mapping[str, str]], measure: Measure, rounds: int
) -> dict[str, list[Cost]]:
    names = list(kinds)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            costs[name].append(measure(kinds[name], f"{number}_{names.index(name)}"))
    return costs


def _rows(what: str, costs: Mapping[str, list[Cost]]) -> list[dict[str, Value]]:
    rows: list[dict[str, Value]] = []
    for kind, found in costs.items():
        row: dict[str, Value] = {
            "what": what,
            "telemetry": kind,
            "figure": median(cost.figure for cost in found),
            "CPU ms": median(cost.cpu_milliseconds for cost in found),
        }
        if kind != OFF:
            pairs = list(zip(found, costs[OFF], strict=True))
            row["to off"] = median(mine.figure / off.figure for mine, off in pairs)
            row["CPU to off"] = median(
                mine.cpu_milliseconds / off.cpu_milliseconds for mine, off in pairs
            )
        rows.append(row)
    return rows


def _cpu_of(system: System, *services: str) -> float:
    return sum(cpu_seconds(system.pid(service)) for service in services)
