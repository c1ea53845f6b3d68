"""What the page of a comparison shows, within its bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.schemas.comparison import MAX_COMPARED, MIN_COMPARED, Comparison, Likenesses
from services.query.ui.charts.parallel import Parallel, parallel
from shared.domain.errors import InvalidRequest

MOST_CELLS: Final = 600
"""Of each list: a page of ten versions is no longer than one of two."""
MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Section:
    """One of the lists: how many rows of it there are of each kind."""

    counts: Likenesses
    not_shown: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, as it is shown."""

    told: Comparison
    metadata: Section
    files: Section
    tensors: Section
    drawing: Parallel | None


def rows_of(versions: int) -> int:
    """Return how many rows of each list are shown for so many versions."""
    return min(MOST_ROWS, MOST_CELLS // versions)


def compared(told: Comparison) -> Compared:
    """Return what is shown of a comparison."""
    return Compared(
        told,
        _section(told.metadata_counts, told.metadata),
        _section(told.file_counts, told.files),
        _section(told.tensor_counts, told.tensors),
        parallel(told.metadata, [each.number for each in told.versions]),
    )


def picked(values: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the model and the numbers that were ticked as MODEL/NUMBER; raises InvalidRequest."""
    pairs = [each.rpartition("/") for each in dict.fromkeys(values)]
    models = {model for model, _, _ in pairs}
    if not MIN_COMPARED <= len(pairs) <= MAX_COMPARED or len(models) != 1 or "" in models:
        rule = f"must be {MIN_COMPARED} to {MAX_COMPARED} versions of one model, as MODEL/NUMBER"
        raise InvalidRequest("pick", rule)
    return models.pop(), [number for _, _, number in pairs]


def _section(counts: Likenesses, rows: Sequence[object]) -> Section:
    there = counts.same + counts.alike + counts.changed + counts.partial
    return Section(counts, there - len(rows))
