"""Where numbers lie on an axis, whatever numbers they are."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.ui.charts.scales import Scale, as_number, scale_of

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=1), st.booleans())
def test_every_value_lies_between_the_ends_and_in_order(
    values: list[float], may_be_log: bool
) -> None:
    scale = scale_of(values, may_be_log=may_be_log)
    shares = [scale.share(each) for each in sorted(values)]
    assert all(0 <= share <= 1 for share in shares)
    assert shares == sorted(shares)
    assert scale.low <= scale.middle <= scale.high or scale.middle == pytest.approx(scale.low)


def test_the_least_is_at_the_low_end_and_the_greatest_at_the_high_one() -> None:
    scale = scale_of([3, 1, 2])
    assert [scale.share(each) for each in (1, 2, 3)] == [0, 0.5, 1]
    assert scale_of([-1.7e308, 1.7e308]).share(0) == 0.5


def test_equal_values_lie_in_the_middle() -> None:
    assert scale_of([7, 7]).share(7) == 0.5


def test_orders_of_magnitude_are_equal_steps_where_that_is_wanted() -> None:
    scale = scale_of([1e-5, 1e-3, 1e-1], may_be_log=True)
    assert scale.is_log
    assert scale.share(1e-3) == pytest.approx(0.5)
    assert scale.middle == pytest.approx(1e-3)
    assert not scale_of([1e-5, 1e-1]).is_log
    assert not scale_of([0, 1e9], may_be_log=True).is_log
    assert scale_of([1, 999], may_be_log=True) == Scale(1, 999)


@pytest.mark.parametrize("value", [True, False, None, "1", [1], {}, inf, -inf, nan, 10**400])
def test_what_has_no_place_on_an_axis_is_no_number(value: object) -> None:
    assert as_number(value) is None


def test_whole_numbers_are_numbers() -> None:
    assert as_number(6) == 6.0
