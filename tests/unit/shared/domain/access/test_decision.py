"""Who may do what, compared with a plain model over random grants, names and actions."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.database.visibility import within
from shared.domain.access.actions import LEAST_ROLE, Action
from shared.domain.access.decision import NameFilter, covers, decide, visible_names
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


@given(grants, names)
def test_the_condition_of_a_query_finds_what_the_filter_has(held: list[Grant], name: str) -> None:
    visible = visible_names(held)
    assert found_by(within(visible, "model"), name) == visible.has(name)


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
