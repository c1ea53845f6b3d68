"""Edits: of versions and models, over HTTP, by the client and by the command; kept and told."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

import registry
from registry import AsyncModelRegistryClient, RevisionMismatchError
from registry.cli import run
from registry.client import ModelRegistryClient
from registry.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
)
from registry.schemas import ModelEvent
from shared.runtime.settings import Settings
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.problems import broken_rule, problem

MERGE_PATCH = {"content-type": "application/merge-patch+json"}


@pytest.fixture
async def ready(client: AsyncModelRegistryClient, model: str) -> str:
    """The name of a model with one ready version, labelled 1.0."""
    await client.upload(
        model,
        b"bytes",
        path="m.bin",
        version="1.0",
        metrics={"auc": 0.9},
        tags={"team": "risk", "old": "x"},
        parameters={"seed": None, "optimizer": {"name": "adam", "lr": 0.1}},
    )
    return model


async def test_what_is_named_is_changed_and_found_everywhere_by_each_name(
    client: AsyncModelRegistryClient, ready: str, api: Api
) -> None:
    await client.set_alias(ready, "production", 1)
    edited = await client.update_version(
        ready, "1.0", tags={"stage": "live", "old": None}, description="new", reason="reviewed"
    )
    assert (edited.revision, edited.description) == (2, "new")
    assert edited.tags == {"team": "risk", "stage": "live"}
    assert edited.metrics == {"auc": 0.9}
    again = await client.update_version(
        ready, "@production", metrics={"f1": 1}, parameters={"optimizer": {"lr": 0.2}}
    )
    assert again.metrics == {"auc": 0.9, "f1": 1.0}
    assert again.parameters == {"seed": None, "optimizer": {"name": "adam", "lr": 0.2}}
    latest = await client.update_version(ready, "latest", properties={"a": {"b": [None]}})
    assert latest == await client.get_version(ready, 1)
    assert (latest.revision, latest.artifacts) == (4, edited.artifacts)
    [listed] = [each async for each in client.list_versions(ready)]
    assert (listed.revision, listed.tags) == (4, {"team": "risk", "stage": "live"})
    answer = await api.query.get(f"/v1/models/{ready}/versions/1")
    assert answer.headers["etag"] == '"4"'
    answer = await api.query.get(f"/v1/versions/{latest.id}")
    assert answer.headers["etag"] == '"4"'
    edits = [each async for each in client.version_edits(ready, "@production")]
    assert [(each.revision, each.by, each.reason) for each in edits] == [
        (4, "administrator", ""),
        (3, "administrator", ""),
        (2, "administrator", "reviewed"),
    ]
    assert edits[2].before == {"description": "", "tags": {"old": "x"}}
    assert edits[2].after == {"description": "new", "tags": {"stage": "live"}}
    assert [each.sequence for each in edits] == [6, 5, 4]
    assert latest.sequence == 6


async def test_of_two_who_edit_one_revision_the_second_is_told_and_changes_nothing(
    client: AsyncModelRegistryClient, ready: str
) -> None:
    calls = [
        client.update_version(ready, 1, if_revision=1, description=text) for text in ("one", "two")
    ]
    won, lost = sorted(
        await asyncio.gather(*calls, return_exceptions=True), key=lambda r: isinstance(r, Exception)
    )
    assert isinstance(lost, RevisionMismatchError)
    assert (lost.status, lost.code) == (412, "revision_changed")
    assert "is at revision 2, and not at revision 1" in str(lost)
    assert await client.get_version(ready, 1) == won


async def test_metrics_that_jobs_add_at_once_are_all_there(
    client: AsyncModelRegistryClient, ready: str
) -> None:
    jobs = (client.update_version(ready, 1, metrics={f"m{n}": n}) for n in range(12))
    await asyncio.gather(*jobs)
    found = await client.get_version(ready, 1)
    assert found.metrics == {"auc": 0.9, **{f"m{n}": float(n) for n in range(12)}}
    assert found.revision == 13
    assert [each.revision async for each in client.version_edits(ready, 1)] == list(
        range(13, 1, -1)
    )


async def test_a_model_has_words_and_a_revision_of_its_own(
    client: AsyncModelRegistryClient, ready: str, api: Api
) -> None:
    before = await client.get_model_info(ready)
    assert (before.description, before.tags, before.revision) == ("", {}, 1)
    edited = await client.update_model(ready, description="churn", tags={"owner": "risk"})
    assert edited == await client.get_model_info(ready)
    assert (edited.description, edited.tags, edited.revision) == ("churn", {"owner": "risk"}, 2)
    assert edited.sequence == before.sequence + 1
    with pytest.raises(RevisionMismatchError, match="is at revision 2"):
        await client.update_model(ready, if_revision=1, tags=None)
    await client.update_model(ready, if_revision=2, tags=None, reason="nobody's")
    [newest, first] = [each async for each in client.model_edits(ready)]
    assert (newest.before, newest.after) == ({"tags": {"owner": "risk"}}, {})
    assert (newest.reason, first.revision) == ("nobody's", 2)
    answer = await api.query.get(f"/v1/models/{ready}")
    assert (answer.headers["etag"], answer.json()["description"]) == ('"3"', "churn")
    listed = {each.name: each.revision async for each in client.list_models()}
    assert listed[ready] == 3
    assert (await client.get_version(ready, 1)).revision == 1, "its versions keep theirs"


async def test_each_edit_is_told_in_the_models_sequence(
    client: AsyncModelRegistryClient, settings: Settings, ready: str
) -> None:
    await client.update_version(ready, 1, tags={"a": "b"}, reason="why")
    await client.update_model(ready, description="churn")
    events: list[ModelEvent] = []
    async for event in registry.subscribe(settings.ingest_url, model=ready, start="beginning"):
        events.append(event)
        if len(events) == 4:
            break
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    of_version, of_model = events[2:]
    assert (of_version.type, of_version.subject) == ("registry.version.edited.v1", f"{ready}/1")
    assert (of_version.data.state, len(of_version.data.artifacts)) == ("ready", 1)
    assert of_version.data.edit is not None
    assert of_version.data.edit.model_dump() == {
        "revision": 2,
        "by": "administrator",
        "reason": "why",
        "before": {},
        "after": {"tags": {"a": "b"}},
    }
    assert (of_model.type, of_model.subject) == ("registry.model.edited.v1", ready)
    assert (of_model.data.number, of_model.data.edit) == (1, None)
    assert of_model.data.model_edit is not None
    assert of_model.data.model_edit.after == {"description": "churn"}


async def test_a_request_that_is_sent_again_counts_once_whatever_came_between(
    api: Api, client: AsyncModelRegistryClient, ready: str
) -> None:
    await client.set_alias(ready, "production", 1)
    path = f"/v1/models/{ready}/versions/@production"
    headers = {"idempotency-key": uuid4().hex, "if-match": '"1"', **MERGE_PATCH}
    body = json.dumps({"tags": {"stage": "live"}})
    first = await api.ingest.patch(path, content=body, headers=headers)
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    await client.update_version(ready, 1, tags={"stage": "old"})
    await client.upload(ready, b"more bytes", path="m.bin")
    await client.set_alias(ready, "production", 2)
    again = await api.ingest.patch(path, content=body, headers=headers)
    assert (again.status_code, again.headers["etag"]) == (200, '"3"')
    assert (again.json()["number"], again.json()["tags"]["stage"]) == (1, "old")
    assert (await client.get_version(ready, 2)).revision == 1
    other = await api.ingest.patch(path, json={"tags": {}}, headers=headers)
    assert broken_rule(other, "Idempotency-Key", "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({"state": "ready"}, "state", "cannot be edited"),
        ({"label": "2.0"}, "label", "cannot be edited"),
        ({"artifacts": []}, "artifacts", "cannot be edited"),
        ({"sha256": "0" * 64, "tags": {}}, "sha256", "cannot be edited"),
        ({"metrics": {"auc": "high"}}, "metrics.auc", "must be a number"),
        ({"metrics": {"a.b": 1}}, "metrics", "must not contain '$', '.'"),
        ({"tags": {"a": 1}}, "tags.a", "valid string"),
        ({"tags": []}, "tags", "valid dictionary"),
        ({"description": "x" * 16_385}, "description", "at most 16384 characters"),
        ({"properties": {"a": "x" * 262_144}}, "body", "at most 262144 bytes"),
        ([{"op": "add"}], "body", "valid dictionary"),
    ],
)
async def test_what_breaks_a_rule_is_refused_with_the_field_and_the_rule(
    api: Api, ready: str, body: Any, field: str, rule: str
) -> None:
    answer = await api.ingest.patch(
        f"/v1/models/{ready}/versions/1", content=json.dumps(body), headers=MERGE_PATCH
    )
    assert rule in broken_rule(answer, field)
    assert (await api.version(ready, 1)).revision == 1


@pytest.mark.parametrize(
    ("headers", "field"),
    [({"if-match": "1"}, "If-Match"), ({"if-none-match": "*"}, "If-None-Match")],
)
async def test_a_condition_of_another_form_is_refused(
    api: Api, ready: str, headers: dict[str, str], field: str
) -> None:
    for path in (f"/v1/models/{ready}", f"/v1/models/{ready}/versions/1"):
        assert broken_rule(await api.ingest.patch(path, json={}, headers=headers), field)


async def test_a_body_of_another_type_is_refused(api: Api, ready: str) -> None:
    headers = {"content-type": "text/plain"}
    answer = await api.ingest.patch(f"/v1/models/{ready}", content="{}", headers=headers)
    problem(answer, 415, "content_type_not_json")


async def test_a_version_is_edited_while_its_bytes_are_awaited_and_not_once_it_is_rejected(
    api: Api, client: AsyncModelRegistryClient, model: str
) -> None:
    session = await api.open(model, file_of("m.bin", b"bytes"))
    assert (await client.update_version(model, 1, tags={"a": "b"})).state == "pending"
    await api.put(session.files[0], b"bytes")
    found = await api.version(model, 1, wait=30)
    assert (found.state, found.tags) == ("ready", {"a": "b"})
    given_up = await api.open(model, file_of("m.bin", b"bytes"))
    await api.ingest.delete(f"/v1/uploads/{given_up.upload_id}")
    with pytest.raises(ConflictError, match="is rejected") as refused:
        await client.update_version(model, 2, tags={"a": "b"})
    assert refused.value.code == "version_not_editable"


async def test_who_may_not_is_told_so_and_who_may_not_read_is_told_nothing(
    client: AsyncModelRegistryClient, settings: Settings, ready: str
) -> None:
    for grant, error in (
        (f"reader:{ready}", AccessDeniedError),
        ("writer:elsewhere.*", NotFoundError),
    ):
        made = await client.tokens.create("a test", [grant])
        async with AsyncModelRegistryClient(
            settings.ingest_url, token=made.token, origins=[settings.query_url]
        ) as limited:
            with pytest.raises(error):
                await limited.update_version(ready, 1, tags={"a": "b"})
            with pytest.raises(error):
                await limited.update_model(ready, tags={"a": "b"})
    await client.update_version(ready, 1, tags={})  # by who may: it changes nothing

    async def are_told() -> bool | None:
        entries = [each async for each in client.audit(model=ready)]
        told = {(each.action, each.outcome) for each in entries if each.action.endswith(".edit")}
        return {
            ("version.edit", "done"),
            ("model.edit", "forbidden"),
            ("model.edit", "hidden"),
        } <= told or None

    await eventually(are_told)
    with pytest.raises(NotFoundError, match="has no version '9'"):
        await client.update_version(ready, 9, tags={"a": "b"})
    with pytest.raises(NotFoundError, match="has no alias"):
        await client.update_version(ready, "@nowhere", tags={"a": "b"})
    assert (await client.get_version(ready, 1)).revision == 1


async def test_the_blocking_client_edits_alike(settings: Settings, ready: str) -> None:
    def edit() -> None:
        with ModelRegistryClient(settings.ingest_url) as client:
            found = client.update_version(ready, 1, metrics={"auc": None}, if_revision=1)
            assert (found.revision, found.metrics) == (2, {})
            with pytest.raises(RevisionMismatchError):
                client.update_version(ready, 1, tags={}, if_revision=1)
            with pytest.raises(InvalidRequestError, match="cannot be edited"):
                client.update_version(ready, 1, state="ready")  # pyright: ignore[reportCallIssue]
            assert client.update_model(ready, tags={"owner": "risk"}).revision == 2
            [edit] = client.version_edits(ready)
            assert (edit.before, edit.after) == ({"metrics": {"auc": 0.9}}, {})
            assert [each.revision for each in client.model_edits(ready)] == [2]

    await asyncio.to_thread(edit)


async def test_the_command_edits_shows_and_refuses(
    settings: Settings, ready: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def command(*arguments: str, status: int = 0) -> str:
        line = [*arguments, "--url", settings.ingest_url]
        found = await asyncio.to_thread(run, line)
        printed = capsys.readouterr()
        assert found == status, printed.err
        return printed.err if status else printed.out

    told = json.loads(
        await command("tag", ready, "1.0", "stage=live", "a=b=c", "--remove", "old", "--json")
    )
    assert (told["tags"], told["revision"]) == ({"team": "risk", "stage": "live", "a": "b=c"}, 2)
    await command(
        *("annotate", ready, "1", "--metric", "f1=0.5", "--remove-metric", "auc"),
        *("--param", "seed=3", "--property", 'p={"q": 1}', "--description", "good"),
        *("--if-revision", "2", "--reason", "evaluated"),
    )
    told = json.loads(await command("show", ready, "1", "--json"))
    assert (told["metrics"], told["properties"]) == ({"f1": 0.5}, {"p": {"q": 1}})
    assert told["parameters"]["seed"] == 3
    await command("annotate", ready, "--description", "who leaves", "--tag", "owner=risk")
    shown = await command("show", ready)
    assert "about:         who leaves" in shown
    assert "about tag:     owner=risk" in shown
    assert "revision:      3" in shown
    lines = (await command("edits", ready, "1")).splitlines()
    assert lines[0].split() == ["REVISION", "TIME", "BY", "BEFORE", "AFTER", "REASON"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2"]
    assert lines[1].rstrip().endswith("evaluated")
    [of_model] = (await command("edits", ready, "--json")).splitlines()
    assert json.loads(of_model)["after"] == {"description": "who leaves", "tags": {"owner": "risk"}}

    refused = await command("tag", ready, "1", "a=b", "--if-revision", "1", status=4)
    assert "is at revision 3" in refused
    assert "name a version" in await command("annotate", ready, "--metric", "a=1", status=2)
    assert "at least one" in await command("annotate", ready, "1", status=2)
    assert "to be set as well" in await command("tag", ready, "1", "a=b", "--remove", "a", status=2)
    assert "NAME=TEXT" in await command("tag", ready, "1", status=2)
    assert "has no version '9'" in await command("tag", ready, "9", "a=b", status=3)
