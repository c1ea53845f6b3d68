"""Lineage: said at upload or later, read up and down, and by whom may read it alone."""

import json
from uuid import uuid4

import pytest

from registry import AsyncModelRegistryClient
from registry.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    UploadMismatchError,
)
from registry.schemas.lineage import Lineage
from shared.runtime.settings import Settings
from tests.support.access import client_of
from tests.support.api import Api
from tests.support.command import registry_command
from tests.support.eventually import eventually
from tests.support.problems import problem


def edges(found: Lineage) -> set[tuple[str, str, str]]:
    return {(edge.child, edge.relation, edge.parent) for edge in found.edges}


async def test_what_is_said_at_upload_is_told_up_and_down(
    client: AsyncModelRegistryClient, model: str, api: Api
) -> None:
    base, tuned, small = (f"{model}.{name}" for name in ("base", "tuned", "small"))
    await client.upload(base, b"base", path="m.bin")
    await client.set_alias(base, "production", 1)
    await client.upload(
        tuned,
        b"tuned",
        path="m.bin",
        lineage={
            "parents": [{"model": base, "version": "@production", "relation": "fine-tuned"}],
            "datasets": [{"uri": "s3://data/churn", "name": "churn", "digest": "sha256:00"}],
            "run": "a1b2",
            "code": "https://git.example/churn@5f0c",
        },
    )
    await client.upload(
        small,
        b"small",
        path="m.bin",
        lineage={"parents": [{"model": tuned, "version": 1, "relation": "quantised"}]},
    )
    up = await client.lineage(small, 1, depth=5)
    assert edges(up) == {
        (f"{small}@1", "quantised", f"{tuned}@1"),
        (f"{tuned}@1", "fine_tuned", f"{base}@1"),
        (f"{tuned}@1", "trained_on", "dataset-1"),
        (f"{tuned}@1", "produced_by", "run-2"),
        (f"{tuned}@1", "built_from", "code-3"),
    }
    nodes = {node.id: node for node in up.nodes}
    assert (nodes["dataset-1"].uri, nodes["dataset-1"].digest) == ("s3://data/churn", "sha256:00")
    assert (nodes["code-3"].revision, nodes[f"{base}@1"].state) == ("5f0c", "ready")
    assert [node.depth for node in up.nodes] == [0, 1, 2, 2, 2, 2]
    near = await client.lineage(small, 1, depth=1)
    assert edges(near) == {(f"{small}@1", "quantised", f"{tuned}@1")}
    assert near.is_truncated
    down = await client.lineage(base, "@production", direction="down")
    assert [node.id for node in down.nodes] == [f"{base}@1", f"{tuned}@1", f"{small}@1"]
    assert not down.is_truncated
    both = await client.lineage(tuned, direction="both")
    assert {node.id for node in both.nodes} >= {f"{base}@1", f"{small}@1", f"{tuned}@1"}
    few = await client.lineage(tuned, 1, limit=2)
    assert (len(few.nodes), few.is_truncated) == (2, True)
    answer = await api.query.get(f"/v1/models/{tuned}/versions/1")
    assert "lineage" not in answer.json(), "a lookup tells nobody the names of parents"


async def test_links_are_added_later_and_removed_and_a_cycle_is_refused(
    client: AsyncModelRegistryClient, model: str
) -> None:
    for data in (b"one", b"two", b"three"):
        await client.upload(model, data, path="m.bin")
    added = await client.add_lineage(model, 2, parents=[f"{model}@1"], datasets=["s3://d"])
    again = await client.add_lineage(model, 2, datasets=["s3://d"])
    assert again == added
    assert [(each.kind, each.number, each.uri) for each in added.links] == [
        ("version", 1, None),
        ("dataset", None, "s3://d"),
    ]
    await client.add_lineage(model, 3, parents=[f"{model}@2"])
    for child, parent in ((1, 1), (1, 2), (1, 3)):
        with pytest.raises(ConflictError, match="would be made from itself") as caught:
            await client.add_lineage(model, child, parents=[f"{model}@{parent}"])
        assert caught.value.code == "lineage_cycle"
    left = await client.remove_lineage(model, 2, added.links[0].id)
    assert [each.uri for each in left.links] == ["s3://d"]
    assert await client.remove_lineage(model, 2, added.links[0].id) == left
    await client.add_lineage(model, 1, parents=[f"{model}@3"])
    assert edges(await client.lineage(model, 2, direction="down")) == {
        (f"{model}@3", "derived", f"{model}@2"),
        (f"{model}@1", "derived", f"{model}@3"),
    }


async def test_what_cannot_be_is_told_with_its_rule(
    client: AsyncModelRegistryClient, model: str, api: Api
) -> None:
    await client.upload(model, b"one", path="m.bin", idempotency_key=model)
    for parent, said in (
        (f"{model}@7", "has no version 7"),
        (f"{model}@staging", "has no alias 'staging'"),
        (f"{model}-none@1", "has no version 1"),
    ):
        with pytest.raises(NotFoundError, match=said):
            await client.add_lineage(model, 1, parents=[parent])
        with pytest.raises(NotFoundError, match=said):
            await client.upload(model, b"two", path="m.bin", lineage={"parents": [parent]})
    assert [each.number async for each in client.list_versions(model)] == [1]
    with pytest.raises(NotFoundError, match="has no version 9"):
        await client.add_lineage(model, 9, datasets=["s3://d"])
    with pytest.raises(InvalidRequestError, match="parents"):
        await client.add_lineage(model, 1, parents=["no uri"])
    with pytest.raises(UploadMismatchError):
        await client.upload(
            model,
            b"one",
            path="m.bin",
            idempotency_key=model,
            lineage={"datasets": ["s3://another"]},
        )
    path = f"/v1/models/{model}/versions/1/lineage"
    answer = await api.ingest.post(path, json={"datasets": [{"uri": "https://a:b@c"}]})
    assert problem(answer, 422, "invalid_request")["errors"][0]["field"] == "datasets.0.uri"
    problem(await api.ingest.delete(f"{path}/nothing"), 422, "invalid_request")
    problem(await api.query.get(f"{path}?depth=51"), 422, "invalid_request")
    problem(await api.query.get(f"{path}?format=xml"), 422, "invalid_request")
    bad = await client.upload(model, b"no such thing", path="m.safetensors", wait=False)
    await api.version(model, bad.number, wait=30)
    with pytest.raises(ConflictError, match="is rejected"):
        await client.add_lineage(model, bad.number, datasets=["s3://d"])
    with pytest.raises(ConflictError, match="is rejected"):
        await client.add_lineage(model, 1, parents=[f"{model}@{bad.number}"])


async def test_a_model_that_the_caller_may_not_read_is_never_named(
    client: AsyncModelRegistryClient, settings: Settings
) -> None:
    space = f"s{uuid4().hex[:8]}"
    secret, mine = f"{space}.secret", f"{space}.mine"
    await client.upload(secret, b"secret", path="m.bin")
    await client.upload(mine, b"mine", path="m.bin")
    await client.add_lineage(mine, 1, parents=[f"{secret}@1"])
    await client.upload(mine, b"child", path="m.bin", lineage={"parents": [f"{mine}@1"]})
    token = await client.tokens.create("mine", [f"writer:{mine}"])
    async with client_of(settings, token.token) as limited:
        found = await limited.lineage(mine, 2)
        assert [node.kind for node in found.nodes] == ["version", "version", "hidden"]
        assert secret not in found.model_dump_json()
        for drawn in ("mermaid", "dot", "openlineage"):
            assert secret not in await limited.draw_lineage(mine, 2, format=drawn)
        told = await limited.add_lineage(mine, 1, datasets=["s3://d"])
        assert [each.kind for each in told.links] == ["hidden", "dataset"]
        with pytest.raises(NotFoundError, match="no model"):
            await limited.add_lineage(mine, 2, parents=[f"{secret}@1"])
        with pytest.raises(NotFoundError):
            await limited.upload(mine, b"x", path="m.bin", lineage={"parents": [f"{secret}@1"]})
        with pytest.raises(NotFoundError):
            await limited.lineage(secret, 1)
    reader = await client.tokens.create("reader", [f"reader:{mine}"])
    async with client_of(settings, reader.token) as limited:
        assert len((await limited.lineage(mine, 1)).nodes) == 3
        with pytest.raises(AccessDeniedError, match=f"writer:{mine}"):
            await limited.add_lineage(mine, 1, datasets=["s3://d"])
    below = await client.tokens.create("below", [f"reader:{secret}"])
    async with client_of(settings, below.token) as limited:
        found = await limited.lineage(secret, 1, direction="down")
        assert [node.kind for node in found.nodes] == ["version", "hidden"]
        assert mine not in found.model_dump_json()


async def test_each_change_is_an_entry_of_the_audit(
    client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"one", path="m.bin")
    await client.add_lineage(model, 1, datasets=["s3://d"])

    async def is_told() -> bool | None:
        entries = [each async for each in client.audit(model=model, action="lineage.change")]
        told = [(each.principal, each.outcome) for each in entries]
        return told == [("administrator", "done")] or None

    await eventually(is_told)


async def test_the_command_says_and_shows_it(
    client: AsyncModelRegistryClient, model: str, settings: Settings, tmp_path: str
) -> None:
    url = settings.ingest_url
    await client.upload(model, b"base", path="m.bin")
    file = f"{tmp_path}/m.bin"
    with open(file, "wb") as written:  # noqa: ASYNC230 - a test's own small file
        written.write(b"child")
    told = ("--parent", f"quantised={model}@1", "--dataset", "s3://data/churn", "--run", "7")
    registry_command("upload", model, file, *told, url=url)
    shown = registry_command("lineage", model, "2", url=url).splitlines()
    assert [line.split() for line in shown[1:]] == [
        [f"{model}@2", "quantised", f"{model}@1"],
        [f"{model}@2", "trained_on", "s3://data/churn"],
        [f"{model}@2", "produced_by", "7"],
    ]
    drawn = registry_command("lineage", model, "1", "--down", "--format", "mermaid", url=url)
    assert drawn.splitlines()[0] == "flowchart TD"
    assert "n0 -->|quantised| n1" in drawn
    assert "digraph" in registry_command("lineage", model, "2", "--format", "dot", url=url)
    [event] = json.loads(
        registry_command("lineage", model, "2", "--format", "openlineage", url=url)
    )
    assert event["outputs"][0]["name"] == model
    answer = json.loads(registry_command("lineage", model, "2", "--depth", "1", "--json", url=url))
    assert len(answer["nodes"]) == 4
    links = json.loads(
        registry_command("link", model, "2", "--code", "https://git/x@5f0c", "--json", url=url)
    )["links"]
    assert links[-1]["revision"] == "5f0c"
    left = registry_command("unlink", model, "2", links[0]["id"], url=url)
    assert f"{model}@1" not in left
    refused = registry_command("link", model, "1", "--parent", "nothing", url=url, status=2)
    assert "parents" in refused
