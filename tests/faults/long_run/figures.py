"""What a long run came to, as a table in Markdown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.harness.ledger import Ledger

LOST = (" is lost", " is pending ", " is verifying ", "object is gone", "is not one ready version")
DOUBLED = (" versions: ", " times", " own the key ")
OUT_OF_ORDER = (" came after ", "events end at", "came again as another", "never announced")


@dataclass
class Figures:
    """Counts and times of one run."""

    seed: int
    seconds: float = 0.0
    """How long the uploads took, faults included."""
    faults: Counter[str] = field(default_factory=Counter[str])
    violations: list[str] = field(default_factory=list[str])
    repaired: dict[str, int] = field(default_factory=dict[str, int])
    """What comparisons repaired, by what it was."""
    comparisons: int = 0
    catching_up: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds from a server's return to the end of the backlog, by server."""
    outage_seconds: float = 0.0
    outage_uploads: int = 0

    def table(self, ledger: Ledger) -> str:
        """Return the figures as one table."""
        uploads = ledger.uploads.values()
        rows = [
            ("uploads tried", len(uploads)),
            ("uploads confirmed", len(ledger.confirmed)),
            ("refused", sum(bool(upload.refused) for upload in uploads)),
            ("given up by the uploader", sum(_given_up(u.confirmed, u.refused) for u in uploads)),
            ("**lost**", self._count(LOST)),
            ("**doubled**", self._count(DOUBLED)),
            ("**events out of order or missing**", self._count(OUT_OF_ORDER)),
            ("**all violations**", len(self.violations)),
            ("seconds of uploads under faults", round(self.seconds)),
            ("faults", self.faults.total()),
            *((f"· {kind}", count) for kind, count in sorted(self.faults.items())),
            ("comparisons of bucket and records", self.comparisons),
            *((f"· repaired: {what}", count) for what, count in self.repaired.items()),
            *(
                (f"{name} away for {self.outage_seconds:.0f} s: caught up after", f"{late:.1f} s")
                for name, late in self.catching_up.items()
            ),
        ]
        return "\n".join([f"| seed {self.seed} | |", "|---|---|", *_lines(rows)])

    def _count(self, marks: Sequence[str]) -> int:
        return sum(any(mark in violation for mark in marks) for violation in self.violations)


def _given_up(confirmed: bool, refused: str) -> bool:
    return not confirmed and not refused


def _lines(rows: Sequence[tuple[str, object]]) -> list[str]:
    return [f"| {name} | {value} |" for name, value in rows]
