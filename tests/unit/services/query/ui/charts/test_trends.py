"""Metrics over versions as points of a chart."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import VersionSummary
from services.query.ui.charts.trends import HEIGHT, MOST_TRENDS, WIDTH, trends


def version(number: int, **metrics: float) -> VersionSummary:
    return VersionSummary.model_construct(
        number=number, metrics=metrics, aliases=[], created_at=datetime.now(UTC)
    )


def test_a_metric_goes_from_the_oldest_version_to_the_newest() -> None:
    newest = version(3, auc=0.9)
    newest.aliases.append("production")
    [found] = trends([newest, version(1, auc=0.8)], ["auc"])
    first, last = found.points
    assert (first.number, first.value, last.number, last.value) == (1, 0.8, 3, 0.9)
    assert first.x < last.x
    assert first.y > last.y  # greater is higher
    assert last.aliases == ["production"]
    assert found.line == f"{first.x},{first.y} {last.x},{last.y}"


def test_a_version_without_the_metric_leaves_its_place_free() -> None:
    [found] = trends([version(1, auc=1), version(2), version(3, auc=1), version(4, auc=1)], ["auc"])
    gaps = [b.x - a.x for a, b in zip(found.points, found.points[1:], strict=False)]
    assert gaps[0] > gaps[1]


def test_one_point_is_no_chart_and_there_are_only_so_many() -> None:
    assert trends([version(1, auc=1), version(2, loss=1)], ["auc", "loss"]) == []
    names = [f"m{at}" for at in range(20)]
    many = [version(at, **dict.fromkeys(names, 1.0)) for at in (1, 2)]
    assert [each.name for each in trends(many, names)] == names[:MOST_TRENDS]


@given(st.lists(st.floats(), min_size=2, max_size=30))
def test_every_point_lies_within_the_drawing(values: list[float]) -> None:
    for found in trends([version(at, m=value) for at, value in enumerate(values)], ["m"]):
        assert all(0 <= each.x <= WIDTH and 0 <= each.y <= HEIGHT for each in found.points)
