"""Which rules apply to a model, and whom they let move an alias."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import Rules, ScopeRules
from registry.schemas.rules import check_namespace
from shared.domain.aliases import Condition
from shared.domain.errors import Conflict, Forbidden, InvalidRequest, PreconditionFailed
from shared.domain.rules import (
    FIELDS,
    NO_RULES,
    Effective,
    RulesRecord,
    effective,
    protection_of,
    require_approver,
    require_condition,
    require_mover,
    require_possible,
    scopes_of,
)

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
SAID: dict[str, list[Any]] = {
    "protected_aliases": [[], [{"alias": "a", "approvals": 1}]],
    "allowed_formats": [["onnx"], ["gguf", "unknown"]],
    "required": [{}, {"tags": ["team"], "model_card": True}],
    "immutable_labels": [True, False],
    "retention": [{"keep_last_ready": 1}, {"keep_last_ready": 9, "keep_with_tags": ["x"]}],
}
some_rules: st.SearchStrategy[dict[str, Any] | None] = st.none() | st.lists(
    st.sampled_from([(name, value) for name, values in SAID.items() for value in values])
).map(dict)


def record(scope: str, said: dict[str, Any] | None, revision: int = 1) -> RulesRecord:
    rules = Rules.model_validate(said) if said is not None else None
    return RulesRecord(
        scope=scope, revision=revision, at=NOW, by="somebody", rules=rules, sequence=1
    )


def protecting(*entries: tuple[str, int]) -> Effective:
    said = {"protected_aliases": [{"alias": name, "approvals": n} for name, n in entries]}
    return effective("risk.churn", [record("risk.*", said)])


@pytest.mark.parametrize(
    ("model", "scopes"),
    [
        ("churn", ("churn", "*")),
        ("risk.churn", ("risk.churn", "risk.*", "*")),
        ("risk.churn.v2", ("risk.churn.v2", "risk.*", "*")),
    ],
)
def test_a_namespace_is_what_stands_before_the_first_dot(
    model: str, scopes: tuple[str, ...]
) -> None:
    assert scopes_of(model) == scopes


@given(some_rules, some_rules, some_rules, st.permutations(range(3)))
def test_a_field_is_that_of_the_narrowest_scope_which_says_it(
    own: dict[str, Any] | None,
    wide: dict[str, Any] | None,
    widest: dict[str, Any] | None,
    order: list[int],
) -> None:
    said = [("risk.churn", own), ("risk.*", wide), ("*", widest)]
    records = [record(*said[place]) for place in order]
    applied = effective("risk.churn", [*records, record("other.*", {"immutable_labels": True})])
    for name in FIELDS:
        sources = [(scope, each[name]) for scope, each in said if each and name in each]
        expected = Rules.model_validate({name: sources[0][1]}) if sources else Rules()
        assert getattr(applied.rules, name) == getattr(expected, name)
        assert applied.sources.get(name) == (sources[0][0] if sources else None)


def test_the_first_entry_that_an_alias_matches_protects_it() -> None:
    applied = protecting(("prod-canary", 1), ("prod*", 2), ("*-eu", 1))
    matches = {
        "prod-canary": 1,
        "prod-eu": 2,
        "prod": 2,
        "stage-eu": 1,
        "staging": None,
        "Prod": None,
    }
    for alias, expected in matches.items():
        found = protection_of(applied, alias)
        assert (found.approvals if found else None) == expected, alias


def test_whom_a_protected_alias_lets_move_it() -> None:
    applied = protecting(("one", 1), ("two", 2))
    for alias in ("free", "one"):
        require_mover(applied, "risk.churn", alias, is_maintainer=True)
    require_mover(applied, "risk.churn", "free", is_maintainer=False)
    with pytest.raises(Forbidden, match=r"rule protected_aliases of 'risk\.\*'") as forbidden:
        require_mover(applied, "risk.churn", "one", is_maintainer=False)
    assert forbidden.value.code == "alias_protected"
    assert forbidden.value.members == {"missing_grant": "maintainer:risk.churn"}
    for is_maintainer in (True, False):
        with pytest.raises(Conflict, match="let somebody else approve") as needed:
            require_mover(applied, "risk.churn", "two", is_maintainer=is_maintainer)
        assert needed.value.code == "approval_needed"


def test_whom_a_protected_alias_lets_approve_a_move() -> None:
    applied = protecting(("one", 1), ("two", 2))
    for alias in ("free", "two"):
        require_approver(applied, "risk.churn", alias, is_maintainer=False)
    require_approver(applied, "risk.churn", "one", is_maintainer=True)
    with pytest.raises(Forbidden, match=r"maintainer:risk\.churn"):
        require_approver(applied, "risk.churn", "one", is_maintainer=False)
    require_approver(NO_RULES, "risk.churn", "one", is_maintainer=False)


@pytest.mark.parametrize(
    ("condition", "there", "code"),
    [
        (Condition(), True, None),
        (Condition(), False, None),
        (Condition(is_absent=True), False, None),
        (Condition(is_absent=True), True, "rules_exist"),
        (Condition(is_there=True), True, None),
        (Condition(is_there=True), False, "rules_changed"),
        (Condition(revision=3), True, None),
        (Condition(revision=2), True, "rules_changed"),
        (Condition(revision=3), False, "rules_changed"),
    ],
)
def test_they_change_where_they_are_as_they_are_believed_to_be(
    condition: Condition, there: bool, code: str | None
) -> None:
    now = record("churn", {} if there else None, revision=3)
    if code is None:
        require_condition(condition, now, "churn")
        return
    with pytest.raises(PreconditionFailed) as caught:
        require_condition(condition, now, "churn")
    assert caught.value.code == code


def test_a_format_that_no_file_can_have_is_refused_by_its_place() -> None:
    with pytest.raises(InvalidRequest, match=r"^allowed_formats\.1 must be one of gguf, "):
        require_possible(Rules(allowed_formats=["onnx", "docx"]))


@pytest.mark.parametrize(
    "said",
    [
        {"protected_aliases": [{"alias": "a", "approvals": 3}]},
        {"protected_aliases": [{"alias": "a?", "approvals": 1}]},
        {"protected_aliases": [{"alias": "a", "approvals": 1, "by": "me"}]},
        {"protected_aliases": [{"alias": "a", "approvals": 1}] * 101},
        {"allowed_formats": []},
        {"allowed_formats": ["onnx", "onnx"]},
        {"required": {"metrics": ["auc", "auc"]}},
        {"required": {"metrics": [""]}},
        {"required": {"labels": ["x"]}},
        {"retention": {}},
        {"retention": {"keep_last_ready": 0}},
        {"retention": {"keep_last_ready": 1, "keep_aliased": False}},
        {"retention": {"keep_last_ready": 1, "keep_younger_than_days": 0}},
        {"no_such_rule": True},
    ],
)
def test_what_is_no_rule_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"validation error"):
        Rules.model_validate(said)


def test_rules_of_a_newer_release_are_read_without_what_is_new() -> None:
    newer = {
        "protected_aliases": [{"alias": "a", "approvals": 1, "new": 1}],
        "required": {"tags": ["t"], "new": 1},
        "retention": {"keep_last_ready": 2, "new": 1},
        "new": 1,
    }
    told = {"scope": "churn", "revision": 1, "at": NOW, "by": "somebody", "rules": newer}
    rules = ScopeRules.model_validate(told).rules
    assert rules.required is not None
    assert rules.required.tags == ["t"]
    kept = RulesRecord.model_validate(
        {"_id": "churn", "revision": 1, "at": NOW, "by": "x", "sequence": 1, "rules": newer}
    )
    assert kept.rules == rules


@pytest.mark.parametrize("name", ["", "a.b", "-a", "a*", "**", "a b"])
def test_what_is_no_namespace(name: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_namespace(name)
