"""(p) What telemetry costs, in instructions: times differ more from process to process."""

from collections.abc import Mapping
from statistics import median

from bench import callgrind, counted_backlog, counted_lookups
from bench.common import System, python_process, read_line
from bench.report import Finding, Value
from bench.telemetry import OFF, kinds_of

NAME = "instructions"
TITLE = "(p) Instructions"


def run(system: System, *, quick: bool) -> Finding:
    """Count with each kind of telemetry; nothing where valgrind is not installed."""
    if not callgrind.is_here():
        return Finding(NAME, TITLE, [], ["Not counted: valgrind is not installed."])
    lookups = counted_lookups.Plan(1, 200) if quick else counted_lookups.Plan(3, 1000)
    backlog = counted_backlog.Plan(1, 100) if quick else counted_backlog.Plan(1, 1000)
    with python_process("bench.otlp_receiver", environment={}) as receiver:
        kinds = kinds_of(f"http://127.0.0.1:{read_line(receiver).strip()}")
        counted = {
            "(c) an event, by the indexer": counted_backlog.count(system, kinds, backlog),
            "(d) a lookup, by query": counted_lookups.count(system, kinds, lookups),
        }
    rows = [row for what, found in counted.items() for row in _rows(what, found)]
    notes = [
        f"The kernel's are left out. {backlog.windows} windows of {backlog.events:,} events, and"
        f" {lookups.windows} of {lookups.lookups:,} lookups; medians.",
        "`off again` shows how far two processes of one kind are apart. Goal: within 5%.",
    ]
    samples = {
        f"{what}: {kind}": found for what, kinds in counted.items() for kind, found in kinds.items()
    }
    return Finding(NAME, TITLE, rows, notes, samples)


def _rows(what: str, found: Mapping[str, list[float]]) -> list[dict[str, Value]]:
    rows: list[dict[str, Value]] = []
    for kind, thousands in found.items():
        row: dict[str, Value] = {"what": what, "telemetry": kind, "thousands": median(thousands)}
        if kind != OFF:
            pairs = zip(thousands, found[OFF], strict=True)
            row["to off"] = median(mine / off for mine, off in pairs)
        rows.append(row)
    return rows
