"""Which items an offset shows, and where the links before and behind them lead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.ui.slices import slice_of

MOST = 200


@pytest.mark.parametrize(
    ("count", "offset", "shown", "earlier", "following"),
    [
        (0, 0, 0, None, None),
        (200, 0, 200, None, None),
        (201, 0, 200, None, 200),
        (201, 200, 1, 0, None),
        (450, 200, 200, 0, 400),
        (450, 400, 50, 200, None),
        (450, 30, 200, 0, 230),
        (450, 9999, 0, 400, None),
        (0, 10, 0, 0, None),
    ],
)
def test_a_slice_is_bounded_and_knows_its_neighbours(
    count: int, offset: int, shown: int, earlier: int | None, following: int | None
) -> None:
    found = slice_of(range(count), offset, MOST)
    assert list(found.items) == list(range(count))[offset : offset + shown]
    assert (found.earlier, found.following, found.count) == (earlier, following, count)


@given(st.integers(1, 60), st.integers(1, 7))
def test_the_links_lead_over_every_item_once_and_back(count: int, most: int) -> None:
    found = slice_of(range(count), 0, most)
    there = [*found.items]
    while found.following is not None:
        found = slice_of(range(count), found.following, most)
        there += found.items
        assert (found.first, found.last) == (found.items[0] + 1, found.items[-1] + 1)
    assert there == list(range(count))
    while found.earlier is not None:
        found = slice_of(range(count), found.earlier, most)
    assert found.first == 1
