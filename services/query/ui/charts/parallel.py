"""Parallel coordinates: an axis for each metric and parameter, a line for each version."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pydantic import JsonValue

from registry.schemas.comparison import MetadataRow
from services.query.ui.charts.scales import Scale, as_number, scale_of

MOST_AXES: Final = 12
LEAST_AXES: Final = 2
AXIS_GAP: Final = 140
SIDE: Final = 70
TOP: Final = 44
PLOT_HEIGHT: Final = 220
BOTTOM: Final = TOP + PLOT_HEIGHT
HEIGHT: Final = BOTTOM + 24
LABEL_GAP: Final = 15
"""Between the numbers of versions at the end of their lines."""
_GROUPS = ("metrics.", "parameters.")
_EXPONENT = re.compile(r"e\+?(-?)0*")


@dataclass(frozen=True, slots=True)
class Tick:
    """A value beside an axis."""

    y: float
    text: str
    is_number: bool = False
    """A number is told whole: without its end it would be another one."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A metric or a parameter."""

    name: str
    x: int
    ticks: Sequence[Tick]
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A version: its points on the axes, joined where neighbours are both there."""

    number: int
    path: str
    dots: Sequence[tuple[int, float]]
    label: tuple[int, float] | None
    """Where its number stands, beside its last point."""


@dataclass(frozen=True, slots=True)
class Parallel:
    """The drawing."""

    width: int
    axes: Sequence[Axis]
    lines: Sequence[Line]
    left_out: int
    """Metrics and parameters that differ and have no axis: there are too many."""
    height: int = HEIGHT
    top: int = TOP
    bottom: int = BOTTOM
    """The ends of its axes."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An axis, and where each version lies on it; None: it has no value there."""

    axis: Axis
    heights: Sequence[float | None]


def parallel(rows: Sequence[MetadataRow], numbers: Sequence[int]) -> Parallel | None:
    """Return the drawing of what differs; None where that is less than two axes.

    `numbers` are those of the versions, in the order of the rows' values. Objects and lists have
    no place on an axis.
    """
    usable = [row for row in rows if row.status != "same" and _is_drawn(row)]
    usable.sort(key=lambda row: not row.name.startswith(_GROUPS[0]))  # metrics come first
    if len(usable) < LEAST_AXES:
        return None
    drawn = usable[:MOST_AXES]
    placed = [_place(row, SIDE + AXIS_GAP * at) for at, row in enumerate(drawn)]
    lines = [_line(number, at, placed) for at, number in enumerate(numbers)]
    return Parallel(
        width=2 * SIDE + AXIS_GAP * (len(drawn) - 1),
        axes=[each.axis for each in placed],
        lines=_with_labels_apart(lines),
        left_out=len(usable) - len(drawn),
    )


def spread(heights: Sequence[float], gap: float, end: float) -> list[float]:
    """Return heights at least `gap` apart, in the same order and none below `end`.

    Each is moved down as far as it must; what would come below the end is moved up instead.
    """
    found = list(heights)
    order = sorted(range(len(found)), key=found.__getitem__)
    for before, at in pairwise(order):
        found[at] = max(found[at], found[before] + gap)
    least = end
    for at in reversed(order):
        found[at] = min(found[at], least)
        least = found[at] - gap
    return found


def _is_drawn(row: MetadataRow) -> bool:
    there = [value for value in row.values if value is not None]
    is_plain = not any(isinstance(value, dict | list) for value in there)
    return row.name.startswith(_GROUPS) and is_plain and len(there) > 0


def _place(row: MetadataRow, x: int) -> _Placed:
    numbers = [as_number(value) for value in row.values]
    there = [number for number in numbers if number is not None]
    if len(there) == sum(value is not None for value in row.values):
        scale = scale_of(there, may_be_log=True)
        heights = [None if each is None else _height(scale.share(each)) for each in numbers]
        return _Placed(Axis(row.name, x, _ticks(scale), scale.is_log), heights)
    return _place_kinds(row, x)


def _place_kinds(row: MetadataRow, x: int) -> _Placed:
    """Place values that are not all numbers: each kind has a height of its own."""
    written = [None if value is None else json.dumps(value) for value in row.values]
    kinds = {
        text: value
        for text, value in zip(written, row.values, strict=True)
        if text is not None and value is not None
    }
    scale = Scale(0, len(kinds) - 1)
    heights = {text: _height(scale.share(at)) for at, text in enumerate(kinds)}
    shown = Counter(_text(value) for value in kinds.values())
    ticks = [
        # With its quotes where a text looks like a value of another type beside it.
        Tick(heights[text], _text(value) if shown[_text(value)] == 1 else text)
        for text, value in kinds.items()
    ]
    return _Placed(Axis(row.name, x, ticks), [None if t is None else heights[t] for t in written])


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _ticks(scale: Scale) -> list[Tick]:
    values = [scale.low] if scale.low == scale.high else [scale.high, scale.middle, scale.low]
    return [Tick(_height(scale.share(value)), _number(value), is_number=True) for value in values]


def _number(value: float) -> str:
    """Return a number in few characters: `1.2346e-5`, where Python writes `1.2346e-05`."""
    return _EXPONENT.sub(r"e\1", f"{value:.5g}")


def _height(share: float) -> float:
    return round(TOP + PLOT_HEIGHT * (1 - share), 1)


def _line(number: int, at: int, placed: Sequence[_Placed]) -> Line:
    path: list[str] = []
    dots: list[tuple[int, float]] = []
    is_joined = False
    for each in placed:
        height = each.heights[at]
        if height is not None:
            path.append(f"{'L' if is_joined else 'M'}{each.axis.x} {height}")
            dots.append((each.axis.x, height))
        is_joined = height is not None
    return Line(number, " ".join(path), dots, dots[-1] if dots else None)


def _with_labels_apart(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with labels that do not lie upon one another."""
    labels = {at: line.label for at, line in enumerate(lines) if line.label is not None}
    for x in {x for x, _ in labels.values()}:
        here = [at for at, label in labels.items() if label[0] == x]
        heights = spread([labels[at][1] for at in here], LABEL_GAP, HEIGHT - LABEL_GAP)
        labels.update({at: (x, y) for at, y in zip(here, heights, strict=True)})
    return [
        Line(line.number, line.path, line.dots, labels.get(at)) for at, line in enumerate(lines)
    ]
