"""How a service stands, as figures: what its readiness names, by the kinds of it that there are.

Readiness tells a person which worker, model or index it is; a label may have none of these.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from shared.runtime.telemetry.samples import Figure, Question, Readings

READY = Figure("registry_ready", "Whether the service's readiness names nothing that is missing")
WAITS_FOR = Figure(
    "registry_waits_for",
    "How many things readiness names: servers, and parts of the service itself",
    ("what",),
)
SERVERS = ("MongoDB", "MinIO", "Kafka")
PART = "part"
"""A loop that stands still or fails, a start that is not over, indexes that are missing."""


def standing(missing: Callable[[], Awaitable[Iterable[str]]]) -> Question:
    """Return the question how a service stands; `missing` returns what its readiness names."""

    async def ask() -> Readings:
        named = list(await missing())
        counts = Counter(map(_kind_of, named))
        kinds = {(kind.lower(),): float(counts[kind]) for kind in (*SERVERS, PART)}
        return {READY: {(): float(not named)}, WAITS_FOR: kinds}

    return Question("readiness", (READY, WAITS_FOR), ask)


def _kind_of(named: str) -> str:
    """Return the server that is named, be it with a reason; "Kafka assignment" is a part's."""
    is_named = (server for server in SERVERS if named == server or named.startswith(f"{server} ("))
    return next(is_named, PART)
