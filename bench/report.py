"""What a benchmark found: a table for a person, JSON for a machine."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"

Value = str | float | int


@dataclass(frozen=True)
class Finding:
    """One benchmark's figures, a row for each thing that was measured."""

    name: str
    title: str
    rows: Sequence[Mapping[str, Value]]
    notes: Sequence[str] = field(default_factory=list[str])
    """What was compared with what, and what the goal is."""
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    """The single measurements by name; in the JSON only."""


def show(finding: Finding, console: Console) -> None:
    """Print a finding as a table."""
    columns = list(dict.fromkeys(column for row in finding.rows for column in row))
    table = Table(title=finding.title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    for row in finding.rows:
        table.add_row(*(_text(row.get(column, "")) for column in columns))
    console.print(table)
    for note in finding.notes:
        console.print(f"  {note}", style="dim", highlight=False)
    console.print()


def default_path() -> Path:
    """Return a path in bench/results that no other run uses."""
    return RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"


def save(findings: Sequence[Finding], path: Path) -> None:
    """Write findings as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "time": datetime.now(UTC).isoformat(),
        "machine": {
            "cpus": os.cpu_count(),
            "load_average": os.getloadavg(),
            "platform": platform.platform(),
            "python": platform.python_version(),
        },
        "findings": [asdict(finding) for finding in findings],
    }
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _text(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else value
