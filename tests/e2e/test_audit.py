"""Who changed what, and what was refused, as an administrator finds it afterwards."""

import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient, ModelRegistryClient
from registry.cli import run
from registry.schemas.access import AuditEntry
from shared.runtime.settings import Settings
from tests.support.access import carrying, token_of
from tests.support.addresses import transport_from
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.problems import broken_rule, problem

DATA = b"bytes"


@dataclass(frozen=True)
class Reader:
    """Reads the audit about names of one namespace, which no other test knows."""

    api: Api
    namespace: str

    async def entries(self, **wanted: Any) -> list[AuditEntry]:
        """Entries that the administrator sees, of this namespace, the oldest first."""
        found: list[AuditEntry] = []
        cursor = None
        while True:
            params = {**wanted, "limit": 50} | ({"cursor": cursor} if cursor else {})
            answer = await self.api.query.get("/v1/audit", params=params)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            found += [AuditEntry.model_validate(each) for each in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break
        mine = [each for each in found if each.model.startswith(self.namespace)]
        return mine[::-1]

    async def until(
        self, is_there: Callable[[list[AuditEntry]], bool], **wanted: Any
    ) -> list[AuditEntry]:
        """Entries once they are as they must become: some are written behind."""

        async def look() -> list[AuditEntry] | None:
            found = await self.entries(**wanted)
            return found if is_there(found) else None

        return await eventually(look)


@pytest.fixture
def audit(api: Api) -> Reader:
    return Reader(api, f"ns{uuid4().hex[:12]}")


async def test_an_upload_is_told_from_its_opening_to_its_end(audit: Reader, api: Api) -> None:
    model = f"{audit.namespace}.churn"
    headers = {"x-request-id": "opened-by-this-test"}
    body = {"model": model, "files": [file_of("a", DATA)]}
    opened = await api.ingest.post("/v1/uploads", json=body, headers=headers)
    session = await api.open(model, file_of("a", DATA))
    await api.put(session.files[0], DATA)
    assert (await api.complete(session)).status_code == 200
    upload = f"/v1/uploads/{opened.json()['upload_id']}"
    unknown = {"sha256": {"a": "0" * 64}}
    assert (await api.ingest.post(f"{upload}/reuse", json=unknown)).status_code == 200
    assert (await api.ingest.post(f"{upload}/complete")).status_code == 409
    assert (await api.ingest.delete(upload)).status_code == 204

    found = await audit.until(
        lambda all: len(all) == 6 and all_ended(all), model=model, principal="administrator"
    )
    given_up, kept = f"version:{opened.json()['version_id']}", f"version:{session.version_id}"
    assert [(each.action, each.outcome, each.subject) for each in found] == [
        ("upload.open", "done", given_up),
        ("upload.open", "done", kept),
        ("upload.complete", "done", kept),
        ("upload.reuse", "done", given_up),
        ("upload.complete", "upload_incomplete", given_up),
        ("upload.abort", "done", given_up),
    ]
    assert found[0].request_id == "opened-by-this-test"
    assert {each.address for each in found} == {HOST}
    assert [each.action for each in await audit.entries(action="upload.abort")] == ["upload.abort"]
    # Of an upload nothing stands there by which it could be used.
    text = "".join(each.model_dump_json() for each in found)
    assert session.upload_id not in text
    assert (session.token or "no token") not in text


def all_ended(entries: list[AuditEntry]) -> bool:
    return all(each.ended_at is not None for each in entries)


async def test_refusals_are_told_with_who_what_and_why(audit: Reader, api: Api) -> None:
    model = f"{audit.namespace}.risk"
    session = await api.open(model, file_of("a", DATA))
    reader = await audit.api.token(f"reader:{model}")
    stranger = await audit.api.token(f"writer:{audit.namespace}.other")
    body = {"model": model, "files": [file_of("a", DATA)]}
    version = f"/v1/models/{model}/versions/1"
    upload = f"/v1/uploads/{session.upload_id}"
    statuses = [
        (await api.ingest.post("/v1/uploads", json=body, headers=carrying(reader))).status_code,
        (await api.query.get(version, headers=carrying(stranger))).status_code,
        (await api.query.get(version, headers={"authorization": ""})).status_code,
        (await api.ingest.delete(upload, headers=carrying(stranger))).status_code,
    ]
    assert statuses == [403, 404, 401, 404]
    by_id = f"/v1/versions/{session.version_id}"
    assert (await api.query.get(by_id, headers=carrying(stranger))).status_code == 404

    def refused(all: list[AuditEntry]) -> bool:
        return len([each for each in all if each.ended_at is None]) == 5

    found = await audit.until(refused, model=model)
    told = {
        (each.principal, each.action, each.subject, each.outcome)
        for each in found
        if each.ended_at is None
    }
    mine = f"version:{session.version_id}"
    assert told == {
        (f"token:{reader.id}", "upload.open", "", "forbidden"),
        (f"token:{stranger.id}", "model.read", "", "hidden"),
        ("anonymous", "model.read", "", "unauthenticated"),
        (f"token:{stranger.id}", "upload.use", mine, "hidden"),
        (f"token:{stranger.id}", "model.read", mine, "hidden"),
    }


async def test_a_token_that_is_made_revoked_and_used_again_is_told_and_never_itself(
    audit: Reader, api: Api
) -> None:
    token = await audit.api.token(f"reader:{audit.namespace}.*")
    assert (await api.ingest.delete(f"/v1/tokens/{token.id}")).status_code == 204
    version = f"/v1/models/{audit.namespace}.x/versions/1"
    # This service has never seen it, so no earlier verdict counts.
    assert (await api.query.get(version, headers=carrying(token))).status_code == 401
    found = await audit.until(lambda all: len(all) == 3 and all[1].ended_at is not None)
    assert {each.subject for each in found} == {f"token:{token.id}"}
    assert [(each.action, each.outcome) for each in found] == [
        ("token.make", "done"),
        ("token.revoke", "done"),
        ("model.read", "unauthenticated"),
    ]
    secret = token.token.rpartition("_")[2]
    assert all(secret[:8] not in each.model_dump_json() for each in found)


async def test_who_administers_some_names_sees_those_alone_and_others_nothing(
    audit: Reader, api: Api
) -> None:
    for name in ("mine.a", "mine.b", "other"):
        await api.open(f"{audit.namespace}.{name}", file_of("a", DATA))
    admin = await audit.api.token(f"admin:{audit.namespace}.mine.*")
    answer = await api.query.get("/v1/audit", headers=carrying(admin), params={"limit": 500})
    opened = [each for each in answer.json()["items"] if each["action"] == "upload.open"]
    names = {each["model"].removeprefix(f"{audit.namespace}.") for each in opened}
    assert names == {"mine.a", "mine.b"}
    params = {"model": f"{audit.namespace}.other"}
    answer = await api.query.get("/v1/audit", headers=carrying(admin), params=params)
    assert answer.json()["items"] == []
    maintainer = await audit.api.token("maintainer:*")
    problem(await api.query.get("/v1/audit", headers=carrying(maintainer)), 403, "forbidden")
    nobody = {"authorization": ""}
    problem(await api.query.get("/v1/audit", headers=nobody), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-01-01T00:00:00"}, "until"),
        ({"cursor": "made up"}, "cursor"),
        ({"limit": 501}, "limit"),
        ({"model": "x" * 257}, "model"),
    ],
)
async def test_a_filter_outside_its_rule(api: Api, params: dict[str, Any], field: str) -> None:
    broken_rule(await api.query.get("/v1/audit", params=params), field)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_times_that_nobody_could_keep_are_no_defect(api: Api, moment: str) -> None:
    params = {"since": moment, "until": moment}
    assert (await api.query.get("/v1/audit", params=params)).json()["items"] == []


async def test_client_and_command_read_it(
    audit: Reader, api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = f"{audit.namespace}.cli"
    for _ in range(2):
        await api.open(model, file_of("a", DATA))
    await audit.until(lambda all: len(all) == 2 and all_ended(all), model=model)
    url = f"http://{HOST}:{settings.registry_port}"
    async with AsyncModelRegistryClient(url, token=token_of(settings)) as client:
        entries = [each async for each in client.audit(model=model, action="upload.open")]
    assert [each.model for each in entries] == [model, model]
    assert entries[0].at >= entries[1].at
    with ModelRegistryClient(url) as blocking:
        assert [each.id for each in blocking.audit(model=model)] == [each.id for each in entries]
        assert list(blocking.audit(model=model, until=entries[1].at)) == []

    def command(*arguments: str) -> list[str]:
        out = StringIO()
        with redirect_stdout(out):
            assert run(["audit", "--url", url, "--model", model, *arguments]) == 0
        return out.getvalue().splitlines()

    told = [json.loads(line) for line in command("--json", "--since", "1h")]
    assert [each["id"] for each in told] == [each.id for each in entries]
    assert command("--json", "--principal", "token:nobody") == []
    head, first, second = command("--action", "upload.open")
    assert head.startswith("TIME ")
    assert "upload.open" in first
    assert entries[1].subject.startswith("version:")
    assert entries[1].subject in second


async def test_a_flood_of_refusals_neither_blocks_nor_is_silent(
    settings: Settings, api: Api
) -> None:
    """From an address of its own: wrong credentials from there are soon not looked up any more."""
    elsewhere = transport_from("127.0.0.3")
    base_url = f"http://{HOST}:{settings.query_port}"
    async with httpx.AsyncClient(transport=elsewhere, base_url=base_url) as http:
        for number in range(300):
            await http.get("/v1/me", headers={"authorization": f"Bearer wrong-{number}"})

    async def counted() -> int | None:
        params = {"outcome": "refusals_not_kept", "limit": 500}
        found = (await api.query.get("/v1/audit", params=params)).json()["items"]
        return sum(each["count"] for each in found) or None

    assert await eventually(counted) > 0
