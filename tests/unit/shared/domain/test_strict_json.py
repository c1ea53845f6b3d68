"""JSON of which two readers cannot make two things."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.strict_json import RepeatedName, members_once, parse_list, parse_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES))
def test_what_json_says_once_is_read_as_it_is(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"aud": 1, "aud": 2}', "must have each name once"),
        ('{"a": [{"b": 1, "b": 1}]}', "must have each name once"),
        ('{"exp": NaN}', "must not have NaN"),
        ('{"exp": -Infinity}', "must not have -Infinity"),
        ("[1]", "must be a JSON object"),
        ('"text"', "must be a JSON object"),
        ("", "must be JSON"),
        ('{"a": 1} {"a": 2}', "must be JSON"),
        ("[" * 100_000, "must not be nested so deeply"),
    ],
)
def test_anything_else_is_refused_with_the_rule(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        parse_object(text)


def test_an_object_is_no_list() -> None:
    with pytest.raises(ValueError, match="must be a JSON list"):
        parse_list("{}")


class Compared(str):
    """A name that counts how often it is compared."""

    __hash__ = str.__hash__
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Compared.comparisons += 1
        return str.__eq__(self, other)


def test_a_name_that_stands_twice_among_very_many_is_found_in_one_pass() -> None:
    """Whoever may send anything at all chooses how many there are."""
    names = [*map(str, range(2000)), "1999"]
    Compared.comparisons = 0
    with pytest.raises(RepeatedName) as caught:
        members_once([(Compared(name), None) for name in names])
    assert caught.value.name == "1999"
    assert Compared.comparisons < 5 * len(names)
