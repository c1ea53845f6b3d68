"""Object keys: `<model>/<version>/<file>`, written and read back."""

import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas.names import check_model_name, check_version
from shared.domain.object_keys import ParsedKey, object_key, parse_key


def good(check: Callable[[str], object]) -> Callable[[str], bool]:
    """Whether a text is within the rule."""

    def judge(text: str) -> bool:
        try:
            check(text)
        except ValueError:
            return False
        return True

    return judge


LETTERS = string.ascii_letters + string.digits + "ü模"


def label_of(first: str, rest: str) -> str:
    return "v" + first + rest.replace("..", "-").rstrip(" .")


letters = st.sampled_from(LETTERS)
names = st.text(LETTERS + "._-", min_size=1, max_size=40).filter(good(check_model_name))
labels = st.builds(label_of, letters, st.text(LETTERS + " .+@-_", max_size=40))
printable = st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\")
segments = st.text(printable, min_size=1, max_size=20).map(lambda text: text.strip(".") or "x")
good_paths = st.lists(segments, min_size=1, max_size=4).map("/".join)


@given(names, st.integers(1, 2**31 - 1), good_paths)
def test_a_key_of_a_number_comes_back_from_its_parts(model: str, number: int, path: str) -> None:
    key = object_key(model, number, path)
    assert parse_key(key) == ParsedKey(model, number, path)
    assert len(key.encode()) <= 1024


@given(names, labels, good_paths)
def test_a_key_with_a_label_comes_back_from_its_parts(model: str, label: str, path: str) -> None:
    assert parse_key(f"{model}/{label}/{path}") == ParsedKey(model, check_version(label), path)


@given(st.text(max_size=60) | st.lists(st.text(max_size=9), max_size=5).map("/".join))
def test_any_text_is_a_key_or_refused_with_a_reason(key: str) -> None:
    if good(parse_key)(key):
        parsed = parse_key(key)
        assert key.startswith(f"{parsed.model}/")
        assert key.endswith(f"/{parsed.path}")
    else:
        with pytest.raises(ValueError, match=r"^the key"):
            parse_key(key)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("model.bin", "not of the form"),
        ("churn/1", "not of the form"),
        ("churn/1/", "not of the form"),
        ("../1/x", "the key's model must be letters"),
        ("churn/latest/x", "the key's version must not be 'latest'"),
        ("churn/0/x", "the key's version must, as a number, be from 1"),
        ("churn/00007/x", "the key's version must, as a number, be written without leading zeros"),
        ("churn/1/../x", "the key's file must be a relative path"),
        ("churn/1//x", "the key's file must be a relative path"),
    ],
)
def test_a_key_outside_the_rule_names_the_part_and_its_rule(key: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_key(key)
