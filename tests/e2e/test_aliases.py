"""Aliases: set, moved by whoever knows where they are, rolled back, and remembered."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from registry import AsyncModelRegistryClient
from registry.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    VersionNotReadyError,
)
from shared.runtime.settings import Settings
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.problems import broken_rule, problem

FAR = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def versions(client: AsyncModelRegistryClient, model: str) -> list[int]:
    """Three ready versions; the second has the label 1.0."""
    found = [
        await client.upload(model, f"bytes {n}".encode(), path="m.bin", version=label)
        for n, label in enumerate((None, "1.0", None))
    ]
    return [each.number for each in found]


async def test_an_alias_points_at_a_version_and_finds_it_wherever_one_is_named(
    client: AsyncModelRegistryClient, model: str, versions: list[int], api: Api
) -> None:
    made = await client.set_alias(model, "production", 1, if_revision=0, reason="first")
    assert (made.number, made.revision, made.by) == (1, 1, "administrator")
    found = await client.get_version(model, "@production")
    assert (found.number, found.aliases) == (1, ["production"])
    assert (await client.get_downloads(model, "@production")).files[0].path == "m.bin"
    moved = await client.set_alias(model, "production", "1.0", if_revision=1)
    assert (moved.number, moved.label, moved.revision) == (2, "1.0", 2)
    assert (await client.get_version(model, "@production")).number == 2
    assert (await client.get_version(model, 1)).aliases == []
    assert [each.alias async for each in client.list_aliases(model)] == ["production"]
    then = made.at.isoformat()
    assert (await client.get_version(model, f"@production?at={then}")).number == 1
    listed = {each.number: each.aliases async for each in client.list_versions(model)}
    assert listed == {1: [], 2: ["production"], 3: []}
    answer = await api.query.get(f"/v1/models/{model}/versions/@production")
    assert answer.json()["number"] == 2
    answer = await api.query.get(f"/v1/models/{model}/aliases/production")
    assert answer.headers["etag"] == '"2"'


async def test_of_two_who_move_it_from_one_place_the_second_is_told_and_moves_nothing(
    client: AsyncModelRegistryClient, model: str, versions: list[int]
) -> None:
    await client.set_alias(model, "production", 1)
    moves = [
        client.set_alias(model, "production", number, if_revision=1, reason=str(number))
        for number in (2, 3)
    ]
    won, lost = sorted(
        await asyncio.gather(*moves, return_exceptions=True), key=lambda r: isinstance(r, Exception)
    )
    assert isinstance(lost, ConflictError)
    assert (lost.status, lost.code) == (412, "alias_moved")
    assert "is at revision 2" in str(lost)
    now = await client.get_alias(model, "production")
    assert now == won
    with pytest.raises(ConflictError, match="is at revision 2"):
        await client.set_alias(model, "production", 1, if_revision=0)


async def test_a_rollback_is_a_move_and_goes_to_where_it_was_or_to_a_revision(
    client: AsyncModelRegistryClient, model: str, versions: list[int]
) -> None:
    for number in versions:
        await client.set_alias(model, "production", number)
    back = await client.rollback_alias(model, "production", reason="worse")
    assert (back.number, back.revision, back.reason) == (2, 4, "worse")
    first = await client.rollback_alias(model, "production", to_revision=1)
    assert (first.number, first.revision) == (1, 5)
    with pytest.raises(NotFoundError, match="has no revision 9"):
        await client.rollback_alias(model, "production", to_revision=9)
    history = [each async for each in client.alias_history(model, "production")]
    assert [(each.revision, each.from_number, each.to_number) for each in history] == [
        (5, 2, 1),
        (4, 3, 2),
        (3, 2, 3),
        (2, 1, 2),
        (1, None, 1),
    ]
    assert {each.by for each in history} == {"administrator"}


async def test_it_is_told_where_an_alias_pointed_at_each_moment(
    client: AsyncModelRegistryClient, model: str, versions: list[int]
) -> None:
    moves = [await client.set_alias(model, "production", number) for number in versions]
    await client.remove_alias(model, "production", reason="retired")
    [removal, *_] = [each async for each in client.alias_history(model, "production")]
    assert (removal.to_number, removal.from_number, removal.reason) == (None, 3, "retired")
    for move in moves:
        assert await client.get_alias(model, "production", at=move.at) == move
    for at in (None, FAR, moves[0].at - timedelta(milliseconds=1), removal.at):
        with pytest.raises(NotFoundError, match="has no alias 'production'"):
            await client.get_alias(model, "production", at=at)
    with pytest.raises(NotFoundError, match="has no alias 'production'"):
        await client.get_version(model, "@production")
    again = await client.set_alias(model, "production", 1, if_revision=0)
    assert again.revision == 5, "revisions go on"


async def test_what_cannot_be_pointed_at_is_refused(
    client: AsyncModelRegistryClient, api: Api, model: str, versions: list[int]
) -> None:
    session = await api.open(model, file_of("m.bin", b"bytes"))
    with pytest.raises(VersionNotReadyError, match="is pending, not ready"):
        await client.set_alias(model, "production", session.number)
    with pytest.raises(NotFoundError, match="has no version 9"):
        await client.set_alias(model, "production", 9)
    for alias in ("latest", "v1", "1", "a b", "a@b", "ä", "a..b", "x" * 101):
        with pytest.raises(InvalidRequestError, match="alias"):
            await client.set_alias(model, alias, 1)
    with pytest.raises(InvalidRequestError, match="at"):
        await client.get_version(model, "@production?at=yesterday")
    assert [each async for each in client.list_aliases(model)] == []


async def test_a_request_that_is_sent_again_counts_once_whatever_came_between(
    api: Api, model: str, client: AsyncModelRegistryClient, versions: list[int]
) -> None:
    path = f"/v1/models/{model}/aliases/production"
    headers = {"idempotency-key": uuid4().hex, "if-none-match": "*"}
    first = await api.ingest.put(path, json={"version": 1}, headers=headers)
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    await client.set_alias(model, "production", 2)
    again = await api.ingest.put(path, json={"version": 1}, headers=headers)
    assert again.json() == first.json()
    assert (await client.get_alias(model, "production")).number == 2
    unchanged = await api.ingest.put(path, json={"version": 2})
    assert unchanged.headers["etag"] == '"2"', "it points there already"


async def test_a_proposal_takes_a_condition_and_its_approval_none(
    api: Api, model: str, versions: list[int]
) -> None:
    path = f"/v1/models/{model}/aliases/production/proposals"
    late = await api.ingest.post(path, json={"version": 1}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "alias_moved")
    made = await api.ingest.post(path, json={"version": 1}, headers={"If-None-Match": "*"})
    assert made.status_code == 201
    approve = f"{path}/{made.json()['id']}/approve"
    for name, value in {"If-Match": '"1"', "If-None-Match": "*"}.items():
        answer = await api.ingest.post(approve, headers={name: value})
        assert broken_rule(answer, name), "the alias is compared by itself"


async def test_a_key_is_of_one_request(
    api: Api, model: str, client: AsyncModelRegistryClient, versions: list[int]
) -> None:
    path = f"/v1/models/{model}/aliases/production"
    headers = {"idempotency-key": uuid4().hex}
    await client.set_alias(model, "production", 1)
    assert (await api.ingest.delete(path, headers=headers)).status_code == 204
    await client.set_alias(model, "production", 2)
    others = [
        await api.ingest.put(path, json={"version": 1}, headers=headers),
        await api.ingest.post(f"{path}/rollback", json={}, headers=headers),
        await api.ingest.delete(path, params={"reason": "another"}, headers=headers),
    ]
    for other in others:
        assert broken_rule(other, "Idempotency-Key", "idempotency_key_reused")
    assert (await api.ingest.delete(path, headers=headers)).status_code == 204, "it is done already"
    assert (await client.get_alias(model, "production")).number == 2
    proposals = f"{path}/proposals"
    proposed = await api.ingest.post(proposals, json={"version": 1}, headers=headers)
    assert proposed.status_code == 201
    again = await api.ingest.post(proposals, json={"version": 1}, headers=headers)
    assert again.json()["id"] == proposed.json()["id"]
    other = await api.ingest.post(proposals, json={"remove": True}, headers=headers)
    assert broken_rule(other, "Idempotency-Key", "idempotency_key_reused")


@pytest.mark.parametrize(
    ("headers", "field"),
    [
        ({"if-match": "3"}, "If-Match"),
        ({"if-match": 'W/"3"'}, "If-Match"),
        ({"if-match": '"3", "4"'}, "If-Match"),
        ({"if-none-match": '"3"'}, "If-None-Match"),
        ({"if-match": '"3"', "if-none-match": "*"}, "If-None-Match"),
    ],
)
async def test_a_condition_of_another_form_is_refused(
    api: Api, model: str, headers: dict[str, str], field: str
) -> None:
    path = f"/v1/models/{model}/aliases/production"
    answer = await api.ingest.put(path, json={"version": 1}, headers=headers)
    [error] = problem(answer, 422, "invalid_request")["errors"]
    assert error["field"] == field


async def test_who_may_move_one_alias_moves_that_one_and_no_other(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str, versions: list[int]
) -> None:
    made = await client.tokens.create("deployer", [f"alias:{model}@staging"])
    headers = {"authorization": f"Bearer {made.token}"}
    path = f"/v1/models/{model}/aliases"
    moved = await api.ingest.put(f"{path}/staging", json={"version": 1}, headers=headers)
    assert moved.json()["by"] == f"token:{made.id}"
    other = await api.ingest.put(f"{path}/production", json={"version": 1}, headers=headers)
    problem(other, 404, "model_not_found")
    reader = await client.tokens.create("reader", [f"reader:{model}"])
    async with AsyncModelRegistryClient(
        settings.ingest_url, token=reader.token, origins=[settings.query_url]
    ) as limited:
        assert (await limited.get_alias(model, "staging")).number == 1
        with pytest.raises(AccessDeniedError, match=f"writer:{model}"):
            await limited.set_alias(model, "staging", 2)
    expected = {
        (f"token:{made.id}", "done"),
        (f"token:{made.id}", "hidden"),
        (f"token:{reader.id}", "forbidden"),
    }

    async def are_told() -> bool | None:
        entries = [each async for each in client.audit(model=model, action="alias.move")]
        return {(each.principal, each.outcome) for each in entries} == expected or None

    await eventually(are_told)
