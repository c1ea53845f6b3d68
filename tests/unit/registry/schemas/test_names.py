"""The rules of names that users choose."""

import pytest
from pydantic import TypeAdapter, ValidationError

from registry.schemas.names import (
    MAX_ENTRIES,
    MAX_NESTING,
    MAX_PATH_BYTES,
    RequestedVersion,
    check_bucket_name,
    check_entries,
    check_file_path,
    check_label,
    check_model_name,
    check_version,
)

GOOD_MODELS = ("churn", "a", "7", "risk.churn", "bert-base_v1.2", "a_", "模型", "Ünï")
GOOD_LABELS = (*GOOD_MODELS, "my model", "a@b+c", "a-", "1.0.0+cu118", "a--b")
BAD_NAMES = (
    *("", " a", "a ", ".a", "a.", "-a", "_a", "@a"),
    *("a/b", "a\\b", "..", "a..b", "a\0b", "a\nb", "a\n", "a:b", "a*b", "a?b", 'a"b', "a%b"),
)
BAD_MODELS = (*BAD_NAMES, "my model", "a@b", "a+b", "a--b", "a-")


@pytest.mark.parametrize("name", GOOD_MODELS)
def test_a_good_model_name_stays_as_it_is(name: str) -> None:
    assert check_model_name(name) == name


@pytest.mark.parametrize("name", GOOD_LABELS)
def test_a_good_label_stays_as_it_is(name: str) -> None:
    assert check_label(name) == name


@pytest.mark.parametrize("name", BAD_MODELS)
def test_a_bad_model_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(ValueError, match=r"must be letters, digits or any of \. _ -"):
        check_model_name(name)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_label_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(ValueError, match="must be letters, digits, space or any of"):
        check_label(name)


@pytest.mark.parametrize("name", ["a" * 97, "a" * 10_000, "模" * 86])
def test_a_long_model_name_is_refused_with_the_limit(name: str) -> None:
    with pytest.raises(ValueError, match="at most 96 characters"):
        check_model_name(name)


@pytest.mark.parametrize("name", ["a" * 129, "a" * 10_000, "模" * 86])
def test_a_long_label_is_refused_with_the_limit(name: str) -> None:
    with pytest.raises(ValueError, match="at most 128 characters"):
        check_label(name)


def test_the_longest_names_are_allowed() -> None:
    assert check_model_name("a" * 96)
    assert check_label("a" * 128)
    assert check_label("模" * 85)  # 255 bytes


@pytest.mark.parametrize("path", ["a", "a/b/c.bin", "a b/ü+%@.bin", ".hidden", "a/..b", "模型.bin"])
def test_a_good_path_stays_as_it_is(path: str) -> None:
    assert check_file_path(path) == path


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/a", "relative path"),
        ("a/", "relative path"),
        ("a//b", "relative path"),
        (".", "relative path"),
        ("..", "relative path"),
        ("a/../b", "relative path"),
        ("a\\b", "backslashes"),
        ("a\0b", "NUL"),
        ("a\u202eb", "unprintable"),
        ("\ud800", "unprintable"),
        ("a" * (MAX_PATH_BYTES + 1), "at most 700 bytes"),
        ("ü" * 351, "at most 700 bytes"),
        (".registry-download-1/w", "begins with"),
        ("a/.Registry-Download-x", "begins with"),
    ],
)
def test_a_bad_path_is_refused_with_the_rule(path: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        check_file_path(path)


@pytest.mark.parametrize("name", ["abc", "a.b-c", "0ab", "a" * 63])
def test_a_good_bucket_name_stays_as_it_is(name: str) -> None:
    assert check_bucket_name(name) == name


@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "a.-b", "a-.b", "abc\n"]
)
def test_a_bad_bucket_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="S3 bucket name"):
        check_bucket_name(name)


@pytest.mark.parametrize(
    ("given_version", "meaning"),
    [
        (1, 1),
        ("1", 1),
        ("007", 7),
        (2**31 - 1, 2**31 - 1),
        ("2147483647", 2**31 - 1),
        ("1.0", "1.0"),
        ("v2", "v2"),
    ],
)
def test_digits_are_a_number_and_other_texts_a_label(
    given_version: str | int, meaning: str | int
) -> None:
    assert check_version(given_version) == meaning


@pytest.mark.parametrize(
    "version", [0, -1, True, 2**31, "0", "9999999999", "latest", "Latest", "١٢", "a/b", ""]
)
def test_a_version_that_is_neither_is_refused(version: str | int) -> None:
    with pytest.raises(ValueError, match="must"):
        check_version(version)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"$set": 1}, r"'\$set' must not contain"),
        ({"a.b": 1}, r"'a.b' must not contain"),
        ({"a": {"b": [{"c.d": 1}]}}, r"'c.d' must not contain"),
        ({"a\0": 1}, "unprintable"),
        ({"": 1}, "1 to 250 characters"),
        ({"x" * 251: 1}, "1 to 250 characters"),
        ({str(n): 1 for n in range(MAX_ENTRIES + 1)}, "at most 1000 entries"),
        ({"a": float("nan")}, "finite"),
        ({"a": [float("-inf")]}, "finite"),
        ({"a": 2**63}, "64 bits"),
        ({"a": -(2**63) - 1}, "64 bits"),
        ({"a": "\ud800"}, "Unicode"),
    ],
)
def test_entries_that_the_database_or_json_cannot_hold_are_refused(
    value: dict[str, object], rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        check_entries(value)


def test_entries_may_nest_to_the_limit_and_no_deeper() -> None:
    value: dict[str, object] = {}
    for _ in range(MAX_NESTING - 1):
        value = {"a": value}
    assert check_entries(value) is value
    with pytest.raises(ValueError, match="deeper than 16"):
        check_entries({"a": value})


def test_other_entries_stay_as_they_are() -> None:
    value: dict[str, object] = {
        "a b-ü": [1, -(2**63), 2**63 - 1, 0.5, True, None, "text\n", {"c": {}}]
    }
    assert check_entries(value) is value


@pytest.mark.parametrize("version", [10**9 + 1, "2147483647", True, 1.0])
def test_a_number_that_leaves_no_room_or_is_none_cannot_be_requested(version: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RequestedVersion).validate_python(version)
