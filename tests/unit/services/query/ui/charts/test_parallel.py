"""Parallel coordinates of what differs between versions."""

from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from registry.schemas.comparison import MetadataRow
from services.query.ui.charts.parallel import HEIGHT, MOST_AXES, Parallel, parallel, spread


def row(name: str, *values: JsonValue) -> MetadataRow:
    status: Literal["changed", "partial"] = "partial" if None in values else "changed"
    return MetadataRow(name=name, status=status, values=list(values))


def drawn(rows: list[MetadataRow], *numbers: int) -> Parallel:
    found = parallel(rows, numbers)
    assert found is not None
    return found


def test_metrics_come_before_parameters_and_each_version_is_a_line_over_them() -> None:
    found = drawn([row("parameters.depth", 6, 8), row("metrics.auc", 0.9, 0.8)], 1, 2)
    assert [each.name for each in found.axes] == ["metrics.auc", "parameters.depth"]
    one, two = found.lines
    assert (one.number, two.number) == (1, 2)
    assert one.dots[0][1] < two.dots[0][1]  # the better one is higher
    assert one.dots[1][1] > two.dots[1][1]
    assert one.path.startswith("M")
    assert one.path.count("L") == 1


def test_a_line_has_a_gap_where_its_version_says_nothing() -> None:
    rows = [row("metrics.a", 1, 2), row("metrics.b", None, 2), row("metrics.c", 1, 2)]
    one, two = drawn(rows, 1, 2).lines
    assert (one.path.count("M"), one.path.count("L"), len(one.dots)) == (2, 0, 2)
    assert (two.path.count("M"), two.path.count("L")) == (1, 2)


def test_what_are_no_numbers_alone_are_kinds_with_a_place_each() -> None:
    rows = [row("parameters.solver", "adam", "sgd", True), row("metrics.a", 1, 2, 3)]
    solver = drawn(rows, 1, 2, 3).axes[1]
    assert [each.text for each in solver.ticks] == ["adam", "sgd", "true"]
    assert len({each.y for each in solver.ticks}) == 3


def test_values_of_other_types_that_look_alike_lie_apart_and_are_told_apart() -> None:
    rows = [row("parameters.s", 1, "1", "true", True, "adam"), row("metrics.a", 1, 2, 3, 4, 5)]
    found = drawn(rows, 1, 2, 3, 4, 5)
    ticks = {each.text: each.y for each in found.axes[1].ticks}
    assert set(ticks) == {"1", '"1"', '"true"', "true", "adam"}
    assert len({line.dots[1][1] for line in found.lines}) == 5
    assert found.lines[1].dots[1][1] == ticks['"1"']


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((1.23456e-05, 3.1e-05), {"1.2346e-5", "3.1e-5"}),
        ((124439808, 7e10), {"1.2444e8", "7e10"}),
        ((0.91234, 0.91239), {"0.91234", "0.91239"}),
        ((-1.23456e-300, -2e-300), {"-1.2346e-300", "-2e-300"}),
        ((1000, 2000), {"1000", "2000"}),
    ],
)
def test_ticks_are_numbers_that_can_be_read_again(
    values: tuple[float, float], told: set[str]
) -> None:
    found = drawn([row("parameters.rate", *values), row("metrics.a", 1, 2)], 1, 2)
    ticks = found.axes[1].ticks
    assert told <= {each.text for each in ticks}
    for each in ticks:
        assert len(each.text) <= 12
        assert each.is_number
        float(each.text)


def test_orders_of_magnitude_have_a_logarithmic_axis() -> None:
    rows = [row("parameters.rate", 1e-5, 1e-1), row("metrics.a", 1, 2)]
    assert drawn(rows, 1, 2).axes[1].is_log


def test_what_is_equal_or_no_single_value_has_no_axis() -> None:
    same = MetadataRow(name="metrics.same", status="same", values=[1, 1])
    rows = [same, row("parameters.list", [1], [2]), row("tags.team", "a", "b")]
    assert parallel([*rows, row("metrics.a", 1, 2)], [1, 2]) is None
    assert len(drawn([*rows, row("metrics.a", 1, 2), row("metrics.b", 1, 2)], 1, 2).axes) == 2


def test_more_than_fit_are_counted() -> None:
    found = drawn([row(f"metrics.m{at}", 1, 2) for at in range(MOST_AXES + 5)], 1, 2)
    assert (len(found.axes), found.left_out) == (MOST_AXES, 5)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)


@given(st.data(), st.integers(2, 10), st.integers(2, 6))
def test_everything_lies_within_the_drawing(data: st.DataObject, versions: int, axes: int) -> None:
    lists = st.lists(values, min_size=versions, max_size=versions)
    rows = [row(f"metrics.m{at}", *data.draw(lists)) for at in range(axes)]
    found = parallel(rows, range(1, versions + 1))
    if found is None:  # fewer than two have any value
        return
    for line in found.lines:
        assert all(0 <= x <= found.width and 0 <= y <= HEIGHT for x, y in line.dots)
        assert line.label is None or 0 <= line.label[1] <= HEIGHT


@given(st.lists(st.floats(0, 250), min_size=1, max_size=10))
def test_labels_lie_apart_in_their_order(heights: list[float]) -> None:
    found = spread(heights, 15, 270)
    assert all(b - a >= 15 - 1e-9 for a, b in pairwise(sorted(found)))
    order = sorted(range(len(heights)), key=heights.__getitem__)
    assert [found[at] for at in order] == sorted(found)
    assert max(found) <= 270


def test_labels_that_are_apart_stay_where_they_are() -> None:
    assert spread([10, 100, 50], 15, 270) == pytest.approx([10, 100, 50])


def test_labels_at_the_end_are_moved_up() -> None:
    assert spread([250, 262, 262], 15, 270) == [240, 255, 270]
