"""Models as OCI clients name them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas.names import check_model_name
from shared.domain.oci_names import is_digest, is_tag, model_of_oci_name

parts = st.sampled_from([*"az7._-/A", "__", "default", "risk", "churn"])
names = st.lists(parts, min_size=1, max_size=6).map("".join)


def expected_model(name: str) -> str | None:
    """The rule as plain steps: the grammar of the distribution spec, then that of models."""
    components = name.split("/")
    for component in components:
        words = re.split(r"\.|__|_|-+", component)
        if not all(re.fullmatch("[a-z0-9]+", word) for word in words):
            return None
    if len(components) > 2:
        return None
    if len(components) == 2:
        namespace, rest = components
        if "." in namespace or (namespace == "default" and "." in rest):
            return None
        name = rest if namespace == "default" else f"{namespace}.{rest}"
    try:
        return check_model_name(name)
    except ValueError:
        return None


@given(names)
def test_names_are_read_as_the_plain_rule_says(name: str) -> None:
    try:
        model = model_of_oci_name(name)
    except ValueError:
        model = None
    assert model == expected_model(name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Churn", "OCI clients cannot name a model that has upper-case letters"),
        ("a/b/c", "NAMESPACE/NAME"),
        ("a._b", "cannot name any other model"),
        ("churn_", "cannot name any other model"),
        ("a.b/c", "dot in its namespace"),
        ("a--b", "not contain"),
        ("", "NAMESPACE/NAME"),
        ("churn\n", "NAMESPACE/NAME"),
    ],
)
def test_what_stands_for_none_is_refused_with_its_rule(name: str, rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(rule)):
        model_of_oci_name(name)


def test_one_model_has_the_name_with_a_dot_and_the_one_with_a_slash() -> None:
    assert model_of_oci_name("risk.churn") == model_of_oci_name("risk/churn") == "risk.churn"
    assert model_of_oci_name("churn") == model_of_oci_name("default/churn") == "churn"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("1", True), ("v1.0", True), ("_x", True), ("A-b_c.d", True), ("x" * 128, True)),
        *(("", False), (".x", False), ("a+b", False), ("@a", False), ("x" * 129, False)),
        ("a\n", False),
    ],
)
def test_a_tag_is_what_the_grammar_allows(text: str, expected: bool) -> None:
    assert is_tag(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"sha256:{'a' * 64}", True),
        (f"sha256:{'A' * 64}", False),
        (f"sha512:{'a' * 128}", False),
        ("a" * 64, False),
        (f"sha256:{'a' * 64}\n", False),
    ],
)
def test_a_digest_is_of_one_kind(text: str, expected: bool) -> None:
    assert is_digest(text) is expected
