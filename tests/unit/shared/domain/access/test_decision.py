"""Who may do what, compared with a plain model over random grants, names and actions."""

from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from shared.database.visibility import within
from shared.domain.access.actions import LEAST_ROLE, Action
from shared.domain.access.decision import (
    NameFilter,
    allows_pattern,
    covers,
    decide,
    sees_within,
    visible_names,
)
from shared.domain.access.grants import Grant, contains, matches
from tests.support.access_oracle import ROLES, oracle

NAMES = ("churn", "churn2", "risk", "risk.churn", "risk.churn.v2", "riskier.x", "Risk.churn", "r")
PATTERNS = (*NAMES, "risk.*", "risk.churn.*", "r.*", "*")
ALIASES = ("production", "staging")

names = st.sampled_from(NAMES)
actions = st.sampled_from(sorted(LEAST_ROLE))
texts = st.one_of(
    st.builds("{}:{}".format, st.sampled_from((*ROLES, "events")), st.sampled_from(PATTERNS)),
    st.builds("alias:{}@{}".format, names, st.sampled_from(ALIASES)),
)
grants = st.lists(texts.map(Grant.parse), max_size=5)


@given(grants, actions, names, st.sampled_from(ALIASES))
def test_a_decision_is_what_the_grants_say(
    held: list[Grant], action: Action, name: str, alias: str
) -> None:
    decision = decide(held, action, name, alias=alias)
    assert decision.is_allowed == oracle(held, action, name, alias)
    if not decision.is_allowed:
        is_told = oracle(held, Action.READ, name, alias) or action == "upload.open"
        assert decision.outcome == ("forbidden" if is_told else "hidden")
        missing = Grant.parse(decision.missing)
        assert decide([*held, missing], action, name).is_allowed, "what is named would allow it"


@given(grants, actions.filter(lambda action: action is not Action.MOVE_ALIAS), names)
def test_a_filter_has_the_names_on_which_the_action_is_allowed(
    held: list[Grant], action: Action, name: str
) -> None:
    assert visible_names(held, action).has(name) == oracle(held, action, name, "")


@given(grants, names, st.sampled_from(["risk.", "r.", "risk.churn.", "churn."]))
@example([Grant("reader", "risk.*")], "risk.churn.v2", "risk.churn.")
@example([Grant("reader", "risk.churn.*")], "risk.churn.v2", "risk.")
def test_a_narrowed_filter_has_those_names_that_begin_so(
    held: list[Grant], name: str, beginning: str
) -> None:
    visible = visible_names(held)
    assert visible.below(beginning).has(name) == (visible.has(name) and name.startswith(beginning))


@given(grants, names)
def test_the_condition_of_a_query_finds_what_the_filter_has(held: list[Grant], name: str) -> None:
    visible = visible_names(held)
    assert found_by(within(visible, "model"), name) == visible.has(name)


@given(grants, actions, st.sampled_from(PATTERNS), names)
def test_who_may_do_it_to_a_pattern_may_do_it_to_each_of_its_names(
    held: list[Grant], action: Action, pattern: str, name: str
) -> None:
    if action is Action.MOVE_ALIAS or not matches(pattern, name):
        return
    if allows_pattern(held, action, pattern):
        assert oracle(held, action, name)
    if oracle(held, Action.READ, name):
        assert sees_within(held, pattern)


def test_a_pattern_is_allowed_by_a_grant_for_all_of_it() -> None:
    of_one, of_all = Grant.parse("maintainer:risk.churn"), Grant.parse("maintainer:risk.*")
    assert not allows_pattern([of_one], Action.SET_RULES, "risk.*")
    assert allows_pattern([of_all], Action.SET_RULES, "risk.*")
    assert not allows_pattern([of_all], Action.SET_RULES, "*")
    assert not allows_pattern([Grant.parse("writer:*")], Action.SET_RULES, "risk.*")
    assert sees_within([of_one], "risk.*")
    assert sees_within([of_one], "*")
    assert not sees_within([of_one], "fraud.*")
    assert not sees_within([Grant.parse("events:*")], "risk.*")


@given(grants, texts.map(Grant.parse), names)
def test_who_gives_a_grant_administers_all_that_it_is_for(
    held: list[Grant], wanted: Grant, name: str
) -> None:
    if covers(held, wanted) and matches(wanted.pattern, name):
        assert oracle(held, Action.MANAGE_TOKENS, name, "")


@given(st.sampled_from(PATTERNS), st.sampled_from(PATTERNS), names)
def test_a_pattern_contains_another_where_it_has_all_of_its_names(
    wide: str, narrow: str, name: str
) -> None:
    if contains(wide, narrow) and matches(narrow, name):
        assert matches(wide, name)


def test_nobody_sees_anything_without_a_grant() -> None:
    assert visible_names([]) == NameFilter()
    assert within(NameFilter(), "model") == {"model": {"$in": []}}


def found_by(condition: dict[str, Any], name: str) -> bool:
    """What MongoDB finds by a condition on `model`, for the operators that are used."""
    if "$or" in condition:
        return any(found_by(each, name) for each in condition["$or"])
    asked: dict[str, Any] = condition.get("model", {})
    checks: dict[str, Callable[[Any], bool]] = {
        "$in": lambda values: name in values,
        "$gte": lambda least: name >= least,
        "$lt": lambda most: name < most,
    }
    return all(checks[operator](value) for operator, value in asked.items())
