"""When a folder of found objects is complete, and which keys can be of no version."""

from datetime import timedelta

import pytest

from shared.domain.found_folders import Settling, refused_key
from shared.domain.object_keys import folder_of, is_folder_marker
from shared.domain.records import utc_now

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("last", "complete"), [(0, 3), (4, 7), (6, 9), (9, 10), (60, 10)])
def test_a_folder_is_complete_when_it_is_quiet_or_has_waited_long_enough(
    last: int, complete: int
) -> None:
    first, settling = utc_now(), Settling(3 * SECOND, 10 * SECOND)
    assert settling.at(first, first + last * SECOND) == first + complete * SECOND


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("churn/1/w", None),
        ("churn/1000000000/w", None),
        ("churn/v7/w", None),
        ("churn/1000000001/w", "number_too_high"),
        ("churn/2147483647/w", "number_too_high"),
        ("churn/00007/w", "outside_key_rule"),
        ("churn/0/w", "outside_key_rule"),
        ("churn/99999999999/w", "outside_key_rule"),
        ("churn/w", "outside_key_rule"),
    ],
)
def test_a_key_is_refused_with_a_code(key: str, code: str | None) -> None:
    reason = refused_key(key)
    assert (reason.code if reason else None) == code


def test_a_marker_is_a_key_that_ends_with_a_slash_and_holds_nothing() -> None:
    assert is_folder_marker("churn/1/", 0)
    assert is_folder_marker("churn/", None)
    assert not is_folder_marker("churn/1/", 5)
    assert not is_folder_marker("churn/1/_SUCCESS", 0)


def test_a_folder_of_an_earlier_rule_is_read_from_its_key() -> None:
    assert folder_of("churn/00007/a/b") == "churn/00007/"
