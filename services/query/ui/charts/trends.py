"""Metrics over versions: one small chart for each metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.schemas import VersionSummary
from services.query.ui.charts.scales import Scale, as_number, scale_of

WIDTH: Final = 320
HEIGHT: Final = 130
LEFT: Final = 14
RIGHT: Final = WIDTH - LEFT
TOP: Final = 22
BOTTOM: Final = HEIGHT - TOP
MOST_TRENDS: Final = 6
LEAST_POINTS: Final = 2


@dataclass(frozen=True, slots=True)
class Point:
    """A metric of one version."""

    x: float
    y: float
    number: int
    value: float
    aliases: Sequence[str]


@dataclass(frozen=True, slots=True)
class Trend:
    """A metric over the versions that have it, from the oldest to the newest."""

    name: str
    scale: Scale
    points: Sequence[Point]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM
    """The edges within which the points lie."""

    @property
    def line(self) -> str:
        """The points as SVG's `polyline` has them."""
        return " ".join(f"{each.x},{each.y}" for each in self.points)


def trends(versions: Sequence[VersionSummary], metrics: Sequence[str]) -> Sequence[Trend]:
    """Return the charts of these metrics, as far as two versions have one.

    Versions lie as far apart as they are in the list, not by their numbers: those of deleted
    ones leave no gap.
    """
    ordered = sorted(versions, key=lambda each: each.number)
    found = (_trend(name, ordered) for name in metrics)
    return [each for each in found if each is not None][:MOST_TRENDS]


def _trend(name: str, versions: Sequence[VersionSummary]) -> Trend | None:
    held = [
        (place, version, value)
        for place, version in enumerate(versions)
        if (value := as_number(version.metrics.get(name))) is not None
    ]
    if len(held) < LEAST_POINTS:
        return None
    scale = scale_of(value for _, _, value in held)
    places = scale_of(float(place) for place in (0, len(versions) - 1))
    points = [
        Point(
            round(LEFT + (RIGHT - LEFT) * places.share(place), 1),
            round(BOTTOM - (BOTTOM - TOP) * scale.share(value), 1),
            version.number,
            value,
            version.aliases,
        )
        for place, version, value in held
    ]
    return Trend(name, scale, points)
