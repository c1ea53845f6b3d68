"""Rules of retention: what they keep and remove is explained, and done."""

from collections.abc import Mapping

import pytest

from registry import AsyncModelRegistryClient
from registry.errors import NotFoundError
from registry.schemas import RetentionReport


def outcomes(report: RetentionReport) -> Mapping[int, str]:
    return {each.number: each.outcome for each in report.versions}


async def test_a_rule_of_retention_explains_each_version_and_deletes_what_nothing_keeps(
    client: AsyncModelRegistryClient, model: str
) -> None:
    for number in range(1, 7):
        tags = {"golden": "yes"} if number == 1 else {}
        await client.upload(model, f"{model} {number}".encode(), path="m.bin", tags=tags)
    await client.set_alias(model, "production", 2)
    await client.hold_version(model, 3, reason="case 12")
    with pytest.raises(NotFoundError, match="there is no model"):
        await client.evaluate_retention(f"{model}-none")
    without = await client.evaluate_retention(model)
    assert set(outcomes(without).values()) == {"kept"}
    await client.set_rules(
        model, {"retention": {"keep_last_ready": 2, "keep_with_tags": ["golden"]}}
    )
    told = await client.evaluate_retention(model)
    assert outcomes(told) == {6: "kept", 5: "kept", 4: "removed", 3: "kept", 2: "kept", 1: "kept"}
    assert (told.scope, told.kept, told.removed, told.applied) == (model, 5, 1, False)
    why = {each.number: [reason.code for reason in each.why] for each in told.versions}
    assert why[3] == ["held"]
    assert why[2] == ["keep_aliased"]
    assert why[1] == ["keep_with_tags"]
    assert why[4] == ["keep_last_ready", "keep_aliased", "keep_with_tags"]
    assert (await client.get_version(model, 4)).state == "ready"
    done = await client.evaluate_retention(model, apply=True)
    assert (done.applied, done.removed) == (True, 1)
    deleted = await client.get_version(model, 4)
    assert deleted.deletion is not None
    assert deleted.deletion.by == f"rule:{model}"
    assert "the last 2 are kept" in deleted.deletion.reason
    assert outcomes(await client.evaluate_retention(model)) == {
        6: "kept",
        5: "kept",
        3: "kept",
        2: "kept",
        1: "kept",
    }
    assert (await client.restore_version(model, 4)).state == "ready"
