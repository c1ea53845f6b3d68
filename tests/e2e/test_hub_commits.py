"""Commits of Hugging Face clients, request by request: what no client means to do, and races."""

import asyncio
import base64
import json
import os
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from registry import AsyncModelRegistryClient
from shared.domain.hub_names import commit_of_version, version_of_commit
from shared.domain.records import VersionRecord
from tests.support.admin import replayed
from tests.support.api import MIB, Api, file_of, sha256_of
from tests.support.eventually import eventually
from tests.support.lives import keys_of, purged
from tests.support.lost_database import opened
from tests.support.system import System


@dataclass(frozen=True)
class Hub:
    """Requests for one model, as a client sends them to query."""

    api: Api
    id: str
    model: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    async def announce(self, *contents: bytes) -> list[dict[str, Any]]:
        """Say which bytes are to be sent; returns what is to be done with each."""
        objects = [{"oid": sha256_of(each), "size": len(each)} for each in contents]
        body = {"operation": "upload", "objects": objects, "transfers": ["basic", "multipart"]}
        path = f"/{self.id}.git/info/lfs/objects/batch"
        answer = await self.api.query.post(path, json=body, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["objects"]

    async def send(self, announced: dict[str, Any], data: bytes) -> httpx.Response:
        """Send bytes where they are to be sent, and say so; returns the last answer."""
        upload = announced["actions"]["upload"]
        header = dict(upload["header"])
        size = int(header.pop("chunk_size"))
        for number, url in sorted(header.items()):
            start = (int(number) - 1) * size
            answer = await self.api.storage.put(url, content=data[start : start + size])
            if answer.status_code != 200:
                return answer
        return await self.api.storage.post(upload["href"], json={"oid": announced["oid"]})

    async def stage(self, data: bytes) -> None:
        [announced] = await self.announce(data)
        answer = await self.send(announced, data)
        assert answer.status_code == 200, answer.text

    async def commit(
        self, *lines: dict[str, Any], branch: str = "main", **header: str
    ) -> httpx.Response:
        told = [{"key": "header", "value": {"summary": "a test", **header}}, *lines]
        body = b"\n".join(json.dumps(each).encode() for each in told)
        return await self.api.query.post(
            f"/api/models/{self.id}/commit/{branch}",
            content=body,
            headers={**self.headers, "content-type": "application/x-ndjson"},
        )


def small(path: str, content: bytes) -> dict[str, Any]:
    value = {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}
    return {"key": "file", "value": value}


def large(path: str, content: bytes) -> dict[str, Any]:
    value = {"path": path, "algo": "sha256", "oid": sha256_of(content), "size": len(content)}
    return {"key": "lfsFile", "value": value}


@pytest.fixture
async def hub(api: Api) -> Hub:
    """A writer of a model that is not there yet."""
    namespace = f"hub{uuid4().hex[:8]}"
    model = f"{namespace}.churn"
    token = (await api.token(f"writer:{model}")).token
    return Hub(api, f"{namespace}/churn", model, token)


async def numbers(hub: Hub) -> dict[int, str]:
    """The model's versions: their states by number."""
    answer = await hub.api.query.get(f"/v1/models/{hub.model}/versions")
    return {each["number"]: each["state"] for each in answer.json()["items"]}


async def test_other_bytes_than_were_announced_never_become_ready(hub: Hub) -> None:
    good, bad = os.urandom(1000), os.urandom(1000)
    assert (await hub.commit(small("a.txt", b"a"))).status_code == 200
    [announced] = await hub.announce(good)
    assert (await hub.send(announced, bad)).status_code == 200
    answer = await hub.commit(large("model.bin", good))
    assert answer.status_code == 409
    assert "were declared" in answer.headers["x-error-message"] or sha256_of(good) in answer.text
    assert await numbers(hub) == {1: "ready", 2: "rejected"}
    # What was sent wrongly does not stand in the way of what is right.
    await hub.stage(good)
    answer = await hub.commit(large("model.bin", good))
    assert answer.status_code == 200, answer.text
    assert await hub.api.download(hub.model, 3, "model.bin") == good
    assert await hub.api.download(hub.model, 3, "a.txt") == b"a"


async def test_a_part_that_is_sent_after_the_commit_changes_nothing(hub: Hub) -> None:
    data = os.urandom(1000)
    [announced] = await hub.announce(data)
    assert (await hub.send(announced, data)).status_code == 200
    assert (await hub.commit(large("model.bin", data))).status_code == 200
    url = announced["actions"]["upload"]["header"]["00001"]
    late = await hub.api.storage.put(url, content=os.urandom(1000))
    assert late.status_code == 404
    assert await hub.api.download(hub.model, 1, "model.bin") == data


async def test_bytes_of_another_length_are_refused_by_storage(hub: Hub) -> None:
    [announced] = await hub.announce(os.urandom(1000))
    assert (await hub.send(announced, os.urandom(999))).status_code == 403
    href = announced["actions"]["upload"]["href"]
    incomplete = await hub.api.storage.post(href)
    assert incomplete.status_code == 409
    assert "lacks 1 of 1 parts" in incomplete.text
    wrong = await hub.api.storage.post(href[:-1])
    assert wrong.status_code == 404


async def test_bytes_that_another_sent_are_not_ones_own(hub: Hub, api: Api) -> None:
    data = os.urandom(1000)
    await hub.stage(data)
    other = Hub(api, hub.id, hub.model, (await api.token(f"writer:{hub.model}")).token)
    [announced] = await other.announce(data)
    assert "actions" in announced
    answer = await other.commit(large("model.bin", data))
    assert answer.status_code == 409
    assert "were not sent" in answer.headers["x-error-message"]
    [announced] = await hub.announce(data)
    assert "actions" not in announced, "they were sent already"
    assert (await hub.commit(large("model.bin", data))).status_code == 200
    [announced] = await other.announce(data)
    assert "actions" not in announced, "they are in a version that both may read"


async def test_bytes_of_models_that_one_may_not_read_have_to_be_sent(hub: Hub, api: Api) -> None:
    data = os.urandom(1000)
    await hub.stage(data)
    assert (await hub.commit(large("model.bin", data))).status_code == 200
    model = f"{hub.model}-other"
    other = Hub(api, f"{hub.id}-other", model, (await api.token(f"writer:{model}")).token)
    [announced] = await other.announce(data)
    assert "actions" in announced
    both = (await api.token(f"writer:{model}", f"reader:{hub.model}")).token
    reader = Hub(api, other.id, model, both)
    [announced] = await reader.announce(data)
    assert "actions" not in announced
    assert (await reader.commit(large("other.bin", data))).status_code == 200
    version = await api.version(model, 1)
    assert version.artifacts[0].location is not None
    assert await api.download(model, 1, "other.bin") == data


async def test_bytes_under_another_kind_of_name_are_checked_for_what_it_says(hub: Hub) -> None:
    data = os.urandom(1000)
    await hub.stage(data)
    assert (await hub.commit(large("model.bin", data))).status_code == 200
    answer = await hub.commit(large("model.dat", data))
    assert answer.status_code == 200, answer.text
    answer = await hub.commit(large("model.safetensors", data))
    assert answer.status_code == 409
    assert "model.safetensors" in answer.headers["x-error-message"]
    assert await numbers(hub) == {1: "ready", 2: "ready", 3: "rejected"}
    # Both in one version, of bytes that nobody verified yet.
    fresh = os.urandom(1000)
    await hub.stage(fresh)
    answer = await hub.commit(large("x.bin", fresh), large("x.safetensors", fresh))
    assert answer.status_code == 409
    await hub.stage(fresh)
    answer = await hub.commit(large("x.bin", fresh), large("y.dat", fresh))
    assert answer.status_code == 200, answer.text
    assert await hub.api.download(hub.model, 5, "y.dat") == fresh


async def test_a_commit_that_is_sent_again_makes_one_version(hub: Hub) -> None:
    data = os.urandom(1000)
    await hub.stage(data)
    lines = (small("a.txt", b"a"), large("model.bin", data))
    answers = await asyncio.gather(*(hub.commit(*lines) for _ in range(4)))
    assert {each.status_code for each in answers} == {200}, [each.text for each in answers]
    assert len({each.json()["commitOid"] for each in answers}) == 1
    assert (await hub.commit(*lines)).json() == answers[0].json()
    assert await numbers(hub) == {1: "ready"}


async def test_of_commits_at_the_same_moment_each_has_the_others_files(hub: Hub) -> None:
    contents = {f"{number}.txt": os.urandom(20).hex().encode() for number in range(6)}
    answers = await asyncio.gather(
        *(hub.commit(small(path, each)) for path, each in contents.items())
    )
    refused = [each.text for each in answers if each.status_code != 200]
    assert refused == []
    made = await numbers(hub)
    assert list(made.values()) == ["ready"] * 6
    last = await hub.api.version(hub.model, "latest")
    assert sorted(each.path for each in last.artifacts) == sorted(contents)


async def test_commits_on_one_branch_follow_each_other_too(hub: Hub) -> None:
    assert (await hub.commit(small("a.txt", b"a"))).status_code == 200
    path = f"/api/models/{hub.id}/branch/dev"
    made = await hub.api.query.post(path, json={}, headers=hub.headers)
    assert made.status_code == 201, made.text
    names = [f"{number}.txt" for number in range(4)]
    answers = await asyncio.gather(
        *(hub.commit(small(name, name.encode()), branch="dev") for name in names)
    )
    assert {each.status_code for each in answers} == {200}, [each.text for each in answers]
    dev = await hub.api.version(hub.model, "@dev")
    assert sorted(each.path for each in dev.artifacts) == [*names, "a.txt"]


async def test_a_purge_leaves_nothing_of_files_that_share_their_bytes(
    hub: Hub, system: System, client: AsyncModelRegistryClient
) -> None:
    data = os.urandom(1000)
    await hub.stage(data)
    answer = await hub.commit(large("a.bin", data), large("b.bin", data))
    oid = answer.json()["commitOid"]
    version = await hub.api.version(hub.model, 1)
    assert oid == commit_of_version(version.id)
    assert version_of_commit(oid) == version.id
    [key] = keys_of(system, hub.model)
    assert {each.location or each.key for each in version.artifacts} == {key}
    await client.delete_version(hub.model, 1)
    await purged(client, system, version)
    assert keys_of(system, hub.model) == []


async def test_rules_of_the_model_hold_for_commits(hub: Hub, api: Api) -> None:
    assert (await hub.commit(small("a.txt", b"a"))).status_code == 200
    rules = {"required": {"model_card": True}, "allowed_formats": ["safetensors", "unknown"]}
    answer = await api.ingest.put(f"/v1/models/{hub.model}/rules", json=rules)
    assert answer.status_code == 200, answer.text
    answer = await hub.commit(small("config.json", b"{}"))
    assert answer.status_code == 400
    assert "model card" in answer.headers["x-error-message"]
    answer = await hub.commit(small("README.md", b"# Card"), small("model.pkl", b"pickle"))
    assert answer.status_code == 400
    assert "allowed_formats" in answer.headers["x-error-message"]
    answer = await hub.commit(small("README.md", b"# Card"), small("config.json", b"{}"))
    assert answer.status_code == 200, answer.text


async def test_a_label_does_not_stand_in_for_an_alias_that_rules_protect(
    hub: Hub, api: Api
) -> None:
    assert (await hub.commit(small("a.txt", b"approved"))).status_code == 200
    alias = f"/v1/models/{hub.model}/aliases/production"
    assert (await api.ingest.put(alias, json={"version": 1})).status_code == 200
    session = await api.open(hub.model, file_of("a.txt", b"sneaked in"), version="production")
    await api.put(session.files[0], b"sneaked in")
    await api.ready(session)
    labelled = commit_of_version(session.version_id)
    path = f"/api/models/{hub.id}/revision/production"
    assert (await api.query.get(path)).json()["sha"] == labelled, "as a tag, where no rule is"
    rules = {"protected_aliases": [{"alias": "prod*", "approvals": 2}]}
    answer = await api.ingest.put(f"/v1/models/{hub.model}/rules", json=rules)
    assert answer.status_code == 200, answer.text
    approved = commit_of_version((await api.version(hub.model, 1)).id)
    assert (await api.query.get(path)).json()["sha"] == approved
    one, tagged = [
        await api.query.get(f"/v2/{hub.model}/manifests/{tag}") for tag in ("1", "production")
    ]
    assert tagged.content == one.content
    again = await api.open(hub.model, file_of("a.txt", b"more"), version="prod-2")
    await api.put(again.files[0], b"more")
    await api.ready(again)
    there = await api.query.get(f"/api/models/{hub.id}/revision/prod-2")
    assert there.status_code == 404, "the alias prod-2 points nowhere"


@pytest.mark.parametrize("branch", ["latest", "v3", "7", "a%2Fb", "@prod", "x@2", "a b"])
async def test_a_branch_that_can_be_no_alias_takes_no_first_commit(hub: Hub, branch: str) -> None:
    answer = await hub.commit(small("a.txt", b"a"), branch=branch)
    assert answer.status_code == 400
    there = await hub.api.query.get(f"/v1/models/{hub.model}")
    assert there.status_code == 404, "nothing was made"


async def test_a_message_that_no_move_of_an_alias_can_have_is_refused(hub: Hub) -> None:
    assert (await hub.commit(small("a.txt", b"a"))).status_code == 200
    path = f"/api/models/{hub.id}/tag/main"
    body = {"tag": "stable", "message": "a\0b"}
    answer = await hub.api.query.post(path, json=body, headers=hub.headers)
    assert answer.status_code == 400
    assert answer.headers["x-error-message"].startswith("message")
    answer = await hub.commit(small("b.txt", b"b"), branch="new", summary="a\0b")
    assert answer.status_code == 400
    assert await numbers(hub) == {1: "ready"}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "must have a line of JSON"),
        (b"{", "line 1 must be JSON"),
        (b'{"key":"header","value":{}}', "must change something"),
        (b'{"key":"file","value":{"path":"a","content":"YQ=="}}', "whose key is 'header'"),
        (b'{"key":"header","value":{}}\n{"key":"link","value":{}}', "line 2.key 'link'"),
        (b'{"key":"header","value":{},"key":"header"}', "once"),
    ],
)
async def test_a_body_that_is_no_commit_is_refused_by_its_line(
    hub: Hub, body: bytes, told: str
) -> None:
    answer = await hub.api.query.post(
        f"/api/models/{hub.id}/commit/main", content=body, headers=hub.headers
    )
    assert answer.status_code == 400
    assert told in answer.headers["x-error-message"]
    assert answer.json()["error"]


async def test_bytes_wait_for_models_that_can_be_named_so(hub: Hub) -> None:
    body = {"operation": "upload", "objects": [{"oid": "0" * 64, "size": 1}]}
    answer = await hub.api.ingest.post("/v1/hub/models/a--b/lfs", json=body)
    assert answer.status_code == 422
    assert "'--'" in answer.json()["detail"]


async def test_a_commit_is_bounded(hub: Hub) -> None:
    lines = [small(f"{number}.txt", b"x") for number in range(1001)]
    answer = await hub.commit(*lines)
    assert answer.status_code == 400
    assert "1000" in answer.headers["x-error-message"]
    answer = await hub.commit(small("a.txt", os.urandom(4 * MIB)))
    assert answer.status_code == 413
    outside = await hub.commit(small("../a.txt", b"x"))
    assert outside.status_code == 400


@pytest.mark.servers
async def test_commits_are_rebuilt_after_a_loss_of_the_database(
    hub: Hub, system: System, wiped: dict[str, str]
) -> None:
    data = os.urandom(6 * MIB)
    await hub.stage(data)
    answer = await hub.commit(large("a.bin", data), large("b.bin", data), small("c.txt", b"c"))
    assert answer.status_code == 200, answer.text
    assert (await hub.commit(small("c.txt", b"changed"))).status_code == 200

    async def published() -> bool | None:
        waiting = await system.database.outbox.find_one({"model": hub.model})
        return True if waiting is None else None

    await eventually(published)
    report = await replayed(wiped)
    assert report["errors"]["count"] == 0
    async with opened(wiped) as database:
        for number in (1, 2):
            query = {"model": hub.model, "number": number}
            before, after = [
                VersionRecord.model_validate(await each.versions.find_one(query))
                for each in (system.database, database)
            ]
            assert after.state == "ready"
            assert after.artifacts == before.artifacts
            assert after.session == before.session
