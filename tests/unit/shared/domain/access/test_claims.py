"""From claims to grants, against rules that are read one character at a time."""

import re
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.access.claims import claim_at, fulfils, granted, matches_pattern
from shared.domain.access.issuers import ClaimRule, Condition

TEXTS = st.text(alphabet="ab", max_size=8)
PATTERNS = st.text(alphabet="ab*", min_size=1, max_size=8)
NAMES = st.sampled_from(["sub", "ref", "groups"])
SCALARS = TEXTS | st.booleans() | st.integers(0, 1) | st.none() | st.just(1.0)
CLAIMS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=3))
CONDITIONS = PATTERNS | st.booleans() | st.integers(0, 1)
GRANTS = st.sampled_from(["reader:*", "writer:risk.*", "admin:churn", "events:*"])
RULES = st.lists(
    st.builds(
        ClaimRule,
        claims=st.dictionaries(NAMES, CONDITIONS, min_size=1),
        grants=st.lists(GRANTS, min_size=1, max_size=2).map(tuple),
    ),
    max_size=4,
)


def oracle_matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text, re.DOTALL) is not None


def oracle_grants(rules: list[ClaimRule], claims: dict[str, Any]) -> set[str]:
    def fits(wanted: Condition, value: object) -> bool:
        if isinstance(wanted, str) and isinstance(value, str):
            return oracle_matches(wanted, value)
        return repr(wanted) == repr(value)  # True is not 1, and 1 is not 1.0

    found: set[str] = set()
    for rule in rules:
        checks: list[bool] = []
        for name, wanted in rule.claims.items():
            value = claims.get(name)
            each_of = cast("list[object]", value if isinstance(value, list) else [value])
            checks.append(any(fits(wanted, each) for each in each_of))
        found |= set(rule.grants) if all(checks) else set()
    return found


@given(PATTERNS, TEXTS)
@example("ab*ba", "aba")
@example("a*a", "a")
@example("a*b*b", "ab")
@example("**", "")
def test_a_pattern_stands_for_what_its_stars_are_filled_up_to(pattern: str, text: str) -> None:
    assert matches_pattern(pattern, text) == oracle_matches(pattern, text)


@given(RULES, CLAIMS)
@example([ClaimRule(claims={"sub": True}, grants=("reader:*",))], {"sub": 1})
@example([ClaimRule(claims={"sub": 1}, grants=("reader:*",))], {"sub": [True, 1.0]})
def test_the_grants_are_those_of_every_rule_that_is_fulfilled(
    rules: list[ClaimRule], claims: dict[str, Any]
) -> None:
    assert {str(grant) for grant in granted(rules, claims)} == oracle_grants(rules, claims)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("repo:acme/risk:ref:refs/heads/main", "repo:acme/risk:ref:refs/heads/main", True),
        ("repo:acme/risk:ref:refs/heads/main", "repo:acme/risk:ref:refs/heads/main2", False),
        ("repo:acme/risk:ref:refs/heads/*", "repo:acme/risk:ref:refs/heads/a/b", True),
        ("repo:acme/risk:*", "repo:acme/risk-evil:pull_request", False),
        ("repo:acme/*:environment:production", "repo:acme/risk:environment:production", True),
        ("repo:acme/*:environment:production", "repo:acme/risk:environment:production:x", False),
        ("system:serviceaccount:ml:trainer", "system:serviceaccount:ml:trainer", True),
        ("system:serviceaccount:ml:*", "system:serviceaccount:ml2:trainer", False),
        ("repo:[a-z]*", "repo:acme", False),  # nothing but the star is special
    ],
)
def test_subjects_of_workloads(pattern: str, subject: str, expected: bool) -> None:
    assert matches_pattern(pattern, subject) is expected


def test_many_stars_take_no_longer_than_few() -> None:
    # What tries each way to fill the stars would not end at all.
    assert not matches_pattern("a*" * 500 + "b", "a" * 100_000)


def test_a_grant_of_two_rules_is_there_once() -> None:
    rules = [ClaimRule(claims={"sub": each}, grants=("reader:*",)) for each in ("*", "me")]
    assert [str(each) for each in granted(rules, {"sub": "me"})] == ["reader:*"]


def test_of_a_list_any_item_will_do_and_an_empty_one_has_none() -> None:
    rule = ClaimRule(claims={"groups": "ml-*"}, grants=("reader:*",))
    assert fulfils({"groups": ["ops", "ml-risk"]}, rule)
    assert not fulfils({"groups": []}, rule)
    assert not fulfils({"groups": [["ml-risk"]]}, rule)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("kubernetes.io", {"namespace": "ml"}),
        ("/kubernetes.io/namespace", "ml"),
        ("/https:~1~1acme.example~1roles", ["admin"]),
        ("https://acme.example/roles", ["admin"]),
        ("/tilde~0/x", 1),
        ("/kubernetes.io/namespace/deeper", None),
        ("/nothing/there", None),
        ("nothing", None),
    ],
)
def test_a_claim_within_another_is_named_by_its_path(place: str, expected: object) -> None:
    claims = {
        "kubernetes.io": {"namespace": "ml"},
        "https://acme.example/roles": ["admin"],
        "tilde~": {"x": 1},
    }
    assert claim_at(claims, place) == expected
