"""Rules: changed by many at once, read by the transactions that they are for, and brought back."""

import asyncio
from typing import Any

import pytest

from registry.schemas import ModelEvent, NamespaceEvent, Reason, Rules
from services.admin.rebuild.rules import rules_of
from shared.database.alias_moves import move_alias
from shared.database.aliases import find_alias
from shared.database.client import Database
from shared.database.lifecycle import reject, settle
from shared.database.opening import open_version
from shared.database.recovery.rules import restore_rules
from shared.database.rules import (
    change_model_rules,
    change_namespace_rules,
    find_rules,
    read_effective,
    read_effective_of,
)
from shared.domain.aliases import UNCONDITIONAL, Condition, Mover, MoveRecord, require_ready
from shared.domain.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from shared.domain.records import VersionRecord, new_id
from shared.domain.rules import Effective, RulesRecord, require_mover
from tests.integration.drafts import draft, pending_events, verified

RACES = 20
PROTECTED = Rules.model_validate({"protected_aliases": [{"alias": "prod*", "approvals": 1}]})
TWO = Rules.model_validate({"protected_aliases": [{"alias": "*", "approvals": 2}]})
LABELS = Rules(immutable_labels=True)


async def ready(database: Database, model: str, **fields: Any) -> VersionRecord:
    opened = await open_version(database, draft(model, **fields))
    [settled] = await settle(database, [verified(opened)])
    return settled


@pytest.fixture
async def namespace() -> str:
    return f"n{new_id()[:12]}"


@pytest.fixture
async def model(database: Database, namespace: str) -> str:
    name = f"{namespace}.churn"
    for _ in range(2):
        await ready(database, name)
    return name


async def put(
    database: Database, scope: str, rules: Rules | None, condition: Condition = UNCONDITIONAL
) -> RulesRecord:
    change = change_namespace_rules if scope.endswith("*") else change_model_rules
    return await change(database, scope, rules, condition, by="somebody")


async def moved(database: Database, model: str, number: int) -> MoveRecord:
    """Move an alias as ingest does for a writer."""

    def permit(applied: Effective) -> None:
        require_mover(applied, model, "production", is_maintainer=False)

    return await move_alias(
        database,
        model,
        "production",
        lambda _: number,
        require_ready,
        Mover("writer", ""),
        permit,
    )


async def test_each_field_is_that_of_the_narrowest_scope_which_says_it(
    database: Database, namespace: str, model: str
) -> None:
    await put(database, f"{namespace}.*", Rules(allowed_formats=["onnx"], immutable_labels=True))
    await put(database, model, Rules(allowed_formats=["gguf"]))
    applied = await read_effective(database, model)
    assert applied.rules == Rules(allowed_formats=["gguf"], immutable_labels=True)
    assert applied.sources == {"allowed_formats": model, "immutable_labels": f"{namespace}.*"}
    other = f"{namespace}.other"
    found = await read_effective_of(database, [model, other, "elsewhere"])
    assert found[model] == applied
    assert found[other].rules.allowed_formats == ["onnx"]
    assert found["elsewhere"].rules == Rules()


async def test_of_many_who_change_them_from_one_revision_one_does(
    database: Database, namespace: str, model: str
) -> None:
    for scope in (model, f"{namespace}.*"):
        first = await put(database, scope, PROTECTED, Condition(is_absent=True))
        changes = [
            put(database, scope, Rules(allowed_formats=[name]), Condition(revision=first.revision))
            for name in ("onnx", "gguf", "zip", "npz")
        ]
        results = await asyncio.gather(*changes, return_exceptions=True)
        [won] = [each for each in results if isinstance(each, RulesRecord)]
        refused = [each for each in results if isinstance(each, PreconditionFailed)]
        assert len(refused) == 3
        assert won.revision == 2
        assert await find_rules(database, scope) == won


async def test_a_change_that_was_made_is_made_once_and_a_removal_keeps_the_revision(
    database: Database, model: str
) -> None:
    first = await put(database, model, PROTECTED, Condition(is_absent=True))
    assert await put(database, model, PROTECTED, Condition(is_absent=True)) == first
    removed = await put(database, model, None, Condition(revision=1))
    assert (removed.revision, removed.rules) == (2, None)
    assert await put(database, model, None, Condition(revision=1)) == removed
    with pytest.raises(PreconditionFailed, match="has no rules"):
        await put(database, model, TWO, Condition(revision=2))
    assert (await put(database, model, TWO, Condition(is_absent=True))).revision == 3


async def test_rules_of_what_is_not_there_are_not_found(database: Database, model: str) -> None:
    with pytest.raises(NotFound, match="there is no model"):
        await put(database, f"{model}-other", PROTECTED)
    for scope in (model, f"n{new_id()[:12]}.*"):
        with pytest.raises(NotFound, match="has no rules of its own"):
            await put(database, scope, None)


async def test_a_rule_that_is_set_while_a_move_is_under_way_counts_or_comes_after_it(
    database: Database, model: str
) -> None:
    for _ in range(RACES):
        await put(database, model, Rules())
        now = await find_alias(database, model, "production")
        number = 2 if now is not None and now.to_number == 1 else 1
        move, rules = await asyncio.gather(
            moved(database, model, number), put(database, model, PROTECTED), return_exceptions=True
        )
        assert isinstance(rules, RulesRecord)
        if isinstance(move, MoveRecord):
            assert move.sequence < rules.sequence, "the rule was there, and did not count"
        else:
            assert isinstance(move, Forbidden)
            assert move.members["missing_grant"] == f"maintainer:{model}"
        with pytest.raises(Forbidden, match=r"protected_aliases of .*'prod\*', approvals: 1"):
            await moved(database, model, 3 - number)


async def test_a_namespaces_rule_counts_for_the_next_move(
    database: Database, namespace: str, model: str
) -> None:
    await moved(database, model, 1)
    await put(database, f"{namespace}.*", TWO)
    assert (await moved(database, model, 1)).revision == 1, "it changes nothing"
    with pytest.raises(Conflict, match="propose the move") as caught:
        await moved(database, model, 2)
    assert (caught.value.code, caught.value.members["rules"]) == (
        "approval_needed",
        ["protected_aliases"],
    )
    await put(database, model, Rules(protected_aliases=[]))
    assert (await moved(database, model, 2)).revision == 2


async def freed(database: Database, version: VersionRecord) -> None:
    """Free the label of a version that was ready, as a deletion may."""
    await database.handles.driver.update_one({"version_id": version.id}, {"$set": {"held": False}})


async def test_a_label_of_a_ready_version_names_no_other_one(
    database: Database, namespace: str, model: str
) -> None:
    first = await ready(database, model, label="1.0")
    given_up = await open_version(database, draft(model, label="2.0"))
    await reject(database, given_up.id, Reason(code="x", detail="x"), session_state="aborted")
    await freed(database, first)
    await put(database, f"{namespace}.*", LABELS)
    with pytest.raises(Conflict, match=r"rule immutable_labels of '.*\.\*'") as caught:
        await open_version(database, draft(model, label="1.0"))
    assert caught.value.code == "rule_immutable_labels"
    assert (await open_version(database, draft(model, label="2.0"))).label == "2.0"
    await put(database, model, Rules(immutable_labels=False))
    assert (await open_version(database, draft(model, label="1.0"))).label == "1.0"


async def test_each_change_is_told_and_brings_the_rules_back(
    database: Database, namespace: str, model: str
) -> None:
    scope = f"{namespace}.*"
    await put(database, scope, TWO)
    wide = await put(database, scope, LABELS)
    await put(database, model, PROTECTED)
    own = await put(database, model, None)
    told = [
        ModelEvent.model_validate_json(event.body)
        for event in await pending_events(database, model)
    ]
    assert [event.sequence for event in told] == list(range(1, len(told) + 1))
    [first, second] = [event for event in told if event.type == "registry.model.rules.v1"]
    assert (first.subject, first.data.number, first.data.state) == (model, 2, "ready")
    assert first.data.rules is not None
    assert first.data.rules.rules == PROTECTED
    assert second.data.rules is not None
    assert second.data.rules.rules is None
    of_scope = [
        NamespaceEvent.model_validate_json(event.body)
        for event in await pending_events(database, scope)
    ]
    assert [event.sequence for event in of_scope] == [1, 2]
    await database.rules.driver.delete_many({"_id": {"$in": [model, scope]}})

    changes = rules_of([*told, *of_scope])
    assert await restore_rules(database, changes) == 2
    assert await find_rules(database, scope) == wide
    assert await find_rules(database, model) == own
    assert await restore_rules(database, changes) == 0
    newer = await put(database, model, TWO)
    assert await restore_rules(database, changes) == 0, "what is newer stays"
    assert await find_rules(database, model) == newer
