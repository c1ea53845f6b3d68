"""An hour in the life of a team, and the same after the database was lost in the middle of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from registry import AsyncModelRegistryClient, subscribe
from registry.errors import ApprovalNeededError, ConflictError
from registry.schemas import AliasMove, ModelEvent, Version
from shared.runtime.settings import Settings
from tests.support.access import client_of
from tests.support.admin import replayed
from tests.support.api import Api
from tests.support.eventually import eventually
from tests.support.lost_database import another_topic, opened, serving
from tests.support.system import System

JOBS, PUSHES = 3, 10
RULES = {
    "protected_aliases": [{"alias": "production", "approvals": 2}],
    "retention": {"keep_last_ready": 5, "keep_with_tags": ["golden"]},
}


@pytest.fixture
async def people(
    client: AsyncModelRegistryClient, settings: Settings, model: str
) -> AsyncIterator[dict[str, AsyncModelRegistryClient]]:
    """Two who may write, each with a token of their own."""
    async with AsyncExitStack() as stack:
        found: dict[str, AsyncModelRegistryClient] = {}
        for name in ("alice", "bob"):
            token = await client.tokens.create(name, [f"writer:{model}"])
            one = client_of(settings, token.token)
            found[name] = await stack.enter_async_context(one)
        yield found


async def train(client: AsyncModelRegistryClient, model: str, job: int) -> list[Version]:
    """One training job: ten versions, each a little better or worse than the others."""
    return [
        await client.upload(
            model,
            f"{model} weights of job {job}, step {step}".encode(),
            path="model.bin",
            metrics={"auc": round(0.7 + 0.01 * ((7 * step + 3 * job) % 20), 3)},
            tags={"job": str(job), **({"golden": "yes"} if (job, step) == (0, 0) else {})},
        )
        for step in range(PUSHES)
    ]


async def moves(client: AsyncModelRegistryClient, model: str, alias: str) -> list[AliasMove]:
    return [each async for each in client.alias_history(model, alias)]


async def deployed(settings: Settings, model: str, alias: str) -> ModelEvent:
    """What a service that deploys is told: the first move of the alias, with the version."""
    async with asyncio.timeout(60):
        async for event in subscribe(settings.ingest_url, model=model, start="beginning"):
            if event.data.alias is not None and event.data.alias.name == alias:
                return event
    raise AssertionError("nobody told of it")


async def test_an_hour_of_a_team(
    client: AsyncModelRegistryClient,
    people: dict[str, AsyncModelRegistryClient],
    model: str,
    api: Api,
    system: System,
    settings: Settings,
    wiped: dict[str, str],
    tmp_path: Path,
) -> None:
    alice, bob = people["alice"], people["bob"]
    # 1. Three training jobs push thirty versions; the model gets its rules with the first.
    await asyncio.gather(*(train(alice, model, job) for job in range(JOBS)))
    await client.set_rules(model, RULES)
    # 2. Search picks the best by its metric.
    ready, best_first = f"name = {model} AND state = ready", ["metrics.auc desc", "version"]
    seen = {model: (await client.get_model_info(model)).sequence}
    ranked = [each async for each in client.search(ready, order_by=best_first, min_sequence=seen)]
    assert len(ranked) == JOBS * PUSHES
    best = ranked[0]
    assert best.metrics["auc"] == max(each.metrics["auc"] for each in ranked)
    # 3. The alias moves; who comes second from the same place is refused.
    first = await alice.set_alias(model, "staging", ranked[1].number)
    race = [
        one.set_alias(model, "staging", number, if_revision=first.revision)
        for one, number in ((alice, best.number), (bob, ranked[2].number))
    ]
    outcomes = await asyncio.gather(*race, return_exceptions=True)
    assert sum(isinstance(each, ConflictError) for each in outcomes) == 1
    # 4. Production takes two people.
    with pytest.raises(ApprovalNeededError):
        await alice.set_alias(model, "production", best.number)
    proposal = await alice.propose_alias(model, "production", best.number, reason="best auc")
    with pytest.raises(Exception, match="own"):
        await alice.approve_alias(model, "production", proposal.id)
    moved = await bob.approve_alias(model, "production", proposal.id)
    assert moved.to_number == best.number
    # 5. A subscriber deploys on the event, which has the version.
    event = await deployed(settings, model, "production")
    assert event.data.number == best.number
    assert event.data.artifacts[0].path == "model.bin"
    assert (await api.download(model, "@production", "model.bin")).startswith(model.encode())
    # 6. Staging is rolled back, which is a move itself.
    back = await bob.rollback_alias(model, "staging", reason="worse in the shadow run")
    assert (back.number, back.revision) == (ranked[1].number, first.revision + 2)
    # 7. A quantised child names its parent, and an evaluation job adds a metric to the parent.
    child = await client.upload(
        f"{model}-int8",
        f"{model} quantised".encode(),
        path="model.bin",
        lineage={"parents": [{"model": model, "version": best.number, "relation": "quantised"}]},
    )
    await bob.update_version(model, best.number, metrics={"latency_ms": 12.5}, reason="measured")
    graph = await client.lineage(model, best.number, direction="down")
    assert child.model in {each.model for each in graph.nodes}
    # 8. Retention removes what nothing keeps, and explains the rest.
    report = await client.evaluate_retention(model, apply=True)
    kept = {each.number for each in report.versions if each.outcome == "kept"}
    aliased = {best.number, back.number}
    [golden] = [each.number for each in ranked if "golden" in each.tags]
    newest = set(sorted((each.number for each in ranked), reverse=True)[:5])
    assert kept == newest | aliased | {golden}
    assert report.removed == len(ranked) - len(kept)
    assert all(each.why for each in report.versions)
    seen = {model: (await client.get_model_info(model)).sequence}
    left = [each.number async for each in client.search(ready, min_sequence=seen)]
    assert set(left) == kept
    regretted = next(each.number for each in report.versions if each.outcome == "removed")
    assert (await client.restore_version(model, regretted)).state == "ready"

    # 9. The database is lost. The event topic, manifests and buckets bring it back.
    async def published() -> bool | None:
        return True if await system.database.outbox.find_one({"model": model}) is None else None

    await eventually(published)
    rebuilt_report = await replayed(wiped)
    assert rebuilt_report["errors"]["count"] == 0
    async with opened(wiped) as database:
        counters = await database.models.find_one({"_id": model})
        assert counters is not None
        assert counters["sequence"] == (await client.get_model_info(model)).sequence
    async with serving(tmp_path, {**wiped, **another_topic()}) as rebuilt:
        versions = f"/v1/models/{model}/versions"
        for path in (
            *(f"/v1/models/{model}/aliases", f"/v1/models/{model}/aliases/production/history"),
            *(f"/v1/models/{model}/aliases/staging/history", f"/v1/models/{model}/rules"),
            *(
                f"{versions}/{best.number}/edits",
                f"{versions}/@production?at={moved.at.isoformat()}",
            ),
            f"{versions}/{best.number}/lineage?direction=down",
        ):
            path = path.replace("+", "%2B")
            before, after = await api.query.get(path), await rebuilt.query.get(path)
            assert before.status_code == 200, path
            assert _without_time(after.json()) == _without_time(before.json()), path
        for number in range(1, JOBS * PUSHES + 1):
            before, after = await api.version(model, number), await rebuilt.version(model, number)
            assert after.model_copy(update={"ready_at": before.ready_at}) == before
        assert (await rebuilt.download(model, "@production", "model.bin")).startswith(
            model.encode()
        )


def _without_time(document: object) -> object:
    """A version without the moment when it became ready, which an event tells a little later."""
    if isinstance(document, dict):
        return {key: value for key, value in document.items() if key != "ready_at"}  # pyright: ignore
    return document
