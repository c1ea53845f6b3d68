"""Forms of the web page, as a browser without scripts sends them: who may what, races, refusals."""

from collections.abc import AsyncIterator

import httpx
import pytest

from registry.schemas import Version
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of
from tests.support.pages import Form, Visitor, forms_of, visiting

DATA = b"bytes"
ACTS = {
    "set-alias": "writer",
    "edit": "writer",
    "aliases/production/move": "writer",
    "aliases/production/remove": "writer",
    "versions/1/edit": "writer",
    "versions/1/archive": "maintainer",
    "versions/1/unarchive": "maintainer",
    "versions/1/delete": "maintainer",
    "versions/1/restore": "maintainer",
}
"""Pages below a model, and the least role of each."""
ROLES = ("reader", "writer", "maintainer", "admin")


@pytest.fixture
async def admin(api: Api, settings: Settings) -> AsyncIterator[Visitor]:
    async with visiting(api, token_of(settings)) as visitor:
        yield visitor


@pytest.fixture
async def version(api: Api, model: str) -> Version:
    """The second of two ready versions; `production` points at the first."""
    for _ in range(2):
        session = await api.open(
            model, file_of("model.bin", DATA), metrics={"auc": 0.91}, tags={"team": "risk"}
        )
        await api.put(session.files[0], DATA)
        await api.ready(session)
    await move(api, model, 1, "it is better")
    return await api.version(model, 2)


async def move(api: Api, model: str, to: int, reason: str = "") -> None:
    answer = await api.ingest.put(
        f"/v1/models/{model}/aliases/production", json={"version": to, "reason": reason}
    )
    assert answer.status_code == 200, answer.text


async def protect(api: Api, model: str, *aliases: dict[str, object]) -> None:
    """Protect these aliases of a model, and no others."""
    rules = {"protected_aliases": list(aliases)}
    answer = await api.ingest.put(f"/v1/models/{model}/rules", json=rules)
    assert answer.status_code == 200, answer.text


async def pointed(api: Api, model: str, alias: str = "production") -> int:
    answer = await api.query.get(f"/v1/models/{model}/aliases/{alias}")
    assert answer.status_code == 200, answer.text
    return answer.json()["number"]


def path(version: Version, rest: str = "") -> str:
    return f"/ui/models/{version.model}/{rest}"


async def test_an_alias_is_set_moved_and_removed_with_a_reason(
    api: Api, admin: Visitor, version: Version
) -> None:
    model = version.model
    form = await admin.form(path(version, "set-alias?version=2"))
    assert form.fields["version"] == "2"
    answer = await admin.send(form, alias="canary", reason="a try", act="move")
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == path(version, "aliases/canary")
    assert await pointed(api, model, "canary") == 2
    form = await admin.form(path(version, "aliases/canary/move"))
    assert (await admin.send(form, version="1", reason="back", act="move")).status_code == 303
    assert await pointed(api, model, "canary") == 1
    # The same form a second time, as by a double click, is the same move.
    assert (await admin.send(form, version="1", reason="back", act="move")).status_code == 303
    shown = (await admin.get(path(version, "aliases/canary"))).text
    assert shown.count("a try") == 1
    assert shown.count("<p><bdi>back</bdi></p>") == 1
    form = await admin.form(path(version, "aliases/canary/remove"))
    assert (await admin.send(form, act="move")).status_code == 303
    answer = await api.query.get(f"/v1/models/{model}/aliases/canary")
    assert answer.status_code == 404


async def test_a_lost_race_is_shown_with_what_it_is_now_and_not_overwritten(
    api: Api, admin: Visitor, version: Version
) -> None:
    here = path(version, "aliases/production/move")
    form = await admin.form(here)
    await move(api, version.model, 2, "somebody was faster")
    answer = await admin.send(form, version="1", reason="mine", act="move")
    assert answer.status_code == 412
    assert "It was changed meanwhile" in answer.text
    assert "somebody was faster" in answer.text
    assert "mine" in answer.text
    assert await pointed(api, version.model) == 2
    again = forms_of(answer, here)[0]
    assert (again.fields["revision"], again.fields["version"]) == ("2", "1")
    assert (await admin.send(again, act="move")).status_code == 303
    assert await pointed(api, version.model) == 1


async def test_an_alias_that_is_there_is_not_made_by_its_name(
    api: Api, admin: Visitor, version: Version
) -> None:
    form = await admin.form(path(version, "set-alias"))
    answer = await admin.send(form, alias="production", version="2", act="move")
    assert answer.status_code == 412
    assert "It points at version" in answer.text
    assert await pointed(api, version.model) == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"alias": "latest"}, "<strong><bdi>alias</bdi></strong>"),
        ({"alias": ""}, "<strong><bdi>alias</bdi></strong>"),
        ({"alias": "a/../b"}, "<strong><bdi>alias</bdi></strong>"),
        ({"alias": "new", "version": "77"}, "77"),
        ({"alias": "new", "version": ""}, "<strong><bdi>version</bdi></strong>"),
        ({"alias": "new", "reason": "x" * 1001}, "<strong><bdi>reason</bdi></strong>"),
        ({"alias": "new", "revision": "1\r\nx: y"}, "<strong><bdi>revision</bdi></strong>"),
        ({"alias": "new", "once": "é"}, "<strong><bdi>once</bdi></strong>"),
        ({"alias": "new", "act": "burn"}, "<strong><bdi>act</bdi></strong>"),
    ],
)
async def test_a_wrong_value_is_named_on_the_same_page(
    admin: Visitor, version: Version, fields: dict[str, str], told: str
) -> None:
    form = await admin.form(path(version, "set-alias"))
    answer = await admin.send(form, **{"version": "1", "act": "move", "reason": "why", **fields})
    assert answer.status_code in (404, 422), answer.text
    assert "Nothing was changed" in answer.text
    assert told in answer.text
    assert fields.get("reason", "why") in answer.text


async def test_a_protected_alias_is_proposed_by_one_and_approved_by_another(
    api: Api, admin: Visitor, version: Version
) -> None:
    model = version.model
    await protect(api, model, {"alias": "production", "approvals": 2})
    token = await api.token(f"writer:{model}")
    here = path(version, "aliases/production")
    async with visiting(api, token.token) as writer:
        form = await writer.form(here + "/move")
        refused = await writer.send(form, version="2", act="move")
        assert refused.status_code == 409
        assert "propose the move" in refused.text
        form = forms_of(refused, here + "/move")[0]
        assert (await writer.send(form, reason="0.94", act="propose")).status_code == 303
        own = await writer.forms(here)
        assert [each.path.rpartition("/")[2] for each in own] == ["close"]
        approval = Form(own[0].path.replace("/close", "/approve"), own[0].fields)
        denied = await writer.send(approval)
        assert denied.status_code == 403
        assert "somebody else has to approve it" in denied.text
    assert await pointed(api, model) == 1
    approve = next(each for each in await admin.forms(here) if each.path.endswith("approve"))
    assert (await admin.send(approve)).status_code == 303
    assert await pointed(api, model) == 2
    late = await admin.send(Form(own[0].path, approve.fields))
    assert late.status_code == 409
    assert "Nothing was changed" in late.text


async def test_what_is_said_is_edited_and_the_rest_stays(
    api: Api, admin: Visitor, version: Version
) -> None:
    form = await admin.form(path(version, "versions/2/edit"))
    fields = {"description": "who <b>leaves</b>", "tags.1.name": "stage", "tags.1.value": "try"}
    fields |= {"metrics.0.value": "0.93", "parameters": '{"depth": 6}', "reason": "measured"}
    answer = await admin.send(form, **fields)
    assert answer.status_code == 303, answer.text
    found = await api.version(version.model, 2)
    assert found.description == "who <b>leaves</b>"
    assert found.tags == {"team": "risk", "stage": "try"}
    assert found.metrics == {"auc": 0.93}
    assert found.parameters == {"depth": 6}
    assert found.revision == 2
    model_form = await admin.form(path(version, "edit"))
    assert (await admin.send(model_form, description="all of it")).status_code == 303
    assert "all of it" in (await admin.get(path(version).rstrip("/"))).text


async def test_an_edit_that_lost_a_race_keeps_both_in_the_form_and_changes_nothing(
    api: Api, admin: Visitor, version: Version
) -> None:
    here = path(version, "versions/2/edit")
    form = await admin.form(here)
    theirs = {"tags": {"team": "fraud", "theirs": "x"}}
    answer = await api.ingest.patch(f"/v1/models/{version.model}/versions/2", json=theirs)
    assert answer.status_code == 200
    lost = await admin.send(form, description="mine")
    assert lost.status_code == 412
    assert "It was changed meanwhile" in lost.text
    assert (await api.version(version.model, 2)).description == ""
    again = forms_of(lost, here)[0]
    assert (again.fields["description"], again.fields["tags.0.value"]) == ("mine", "fraud")
    assert (await admin.send(again)).status_code == 303
    found = await api.version(version.model, 2)
    assert (found.description, found.tags) == ("mine", {"team": "fraud", "theirs": "x"})


async def test_a_wrong_edit_is_named_and_nothing_is_half_written(
    api: Api, admin: Visitor, version: Version
) -> None:
    form = await admin.form(path(version, "versions/2/edit"))
    answer = await admin.send(form, description="new", **{"metrics.0.value": "much"})
    assert answer.status_code == 422
    assert "<strong><bdi>metrics.auc</bdi></strong>" in answer.text
    assert 'value="much"' in answer.text
    assert (await api.version(version.model, 2)).description == ""


async def test_a_version_is_archived_deleted_and_restored(
    api: Api, admin: Visitor, version: Version
) -> None:
    model = version.model
    for act, archived in (("archive", True), ("unarchive", False)):
        form = await admin.form(path(version, f"versions/2/{act}"))
        assert (await admin.send(form)).status_code == 303
        assert ((await api.version(model, 2)).archived_at is not None) is archived
    page = (await admin.get(path(version, "versions/2/delete"))).text
    assert "1 file, 5 B" in page
    assert "It is <code>latest</code> now" in page
    form = await admin.form(path(version, "versions/2/delete"))
    assert (await admin.send(form, reason="trained on test data")).status_code == 303
    assert (await api.version(model, 2)).state == "deleted"
    shown = (await admin.get(path(version, "versions/2"))).text
    assert "trained on test data" in shown
    assert path(version, "versions/2/restore") in shown
    form = await admin.form(path(version, "versions/2/restore"))
    assert (await admin.send(form)).status_code == 303
    assert (await api.version(model, 2)).state == "ready"


async def test_what_is_sent_again_is_not_done_to_what_somebody_has_changed_since(
    api: Api, admin: Visitor, version: Version
) -> None:
    model, here = version.model, path(version, "versions/2/delete")
    form = await admin.form(here)
    assert (await admin.send(form)).status_code == 303
    deleted = await api.version(model, 2)
    assert (await admin.send(form)).status_code == 303, "it is as was wanted"
    assert await api.version(model, 2) == deleted, "it was done once"
    restore = await admin.form(path(version, "versions/2/restore"))
    assert (await admin.send(restore)).status_code == 303
    late = await admin.send(form, reason="why")
    assert late.status_code == 412
    assert "it was changed meanwhile" in late.text
    assert (await api.version(model, 2)).state == "ready"
    [again] = forms_of(late, here)
    assert again.fields["reason"] == "why"
    assert (await admin.send(again)).status_code == 303
    assert (await api.version(model, 2)).state == "deleted"
    no_longer = await admin.send(Form(form.path, form.fields | {"sequence": "x"}))
    assert no_longer.status_code == 303
    assert (await admin.send(restore)).status_code == 412, "of another deletion"


async def test_a_proposal_is_of_the_alias_as_it_was_shown(
    api: Api, admin: Visitor, version: Version
) -> None:
    model = version.model
    await protect(api, model, {"alias": "production", "approvals": 2})
    pages = ("move", "remove")
    forms = [await admin.form(path(version, f"aliases/production/{each}")) for each in pages]
    await protect(api, model)
    await move(api, model, 2, "somebody was faster")
    listed = f"/v1/models/{model}/aliases/production/proposals"
    for form in forms:
        late = await admin.send(form, version="1", act="propose")
        assert late.status_code == 412, late.text
        assert "somebody was faster" in late.text
        assert (await api.query.get(listed)).json()["items"] == []


async def test_a_version_that_an_alias_points_at_is_not_deleted(
    api: Api, admin: Visitor, version: Version
) -> None:
    here = path(version, "versions/1/delete")
    assert "These aliases point at it" in (await admin.get(here)).text
    answer = await admin.send(await admin.form(here), reason="why not")
    assert answer.status_code == 409
    assert "@production points at it" in answer.text
    assert "why not" in answer.text
    assert (await api.version(version.model, 1)).state == "ready"


async def test_each_role_sees_and_does_what_it_may(api: Api, version: Version) -> None:
    model = version.model
    for role in ROLES:
        token = await api.token(f"{role}:{model}")
        async with visiting(api, token.token) as visitor:
            shown = ""
            for rest in ("", "aliases/production", "versions/1"):
                shown += (await visitor.get(path(version, rest).rstrip("/"))).text
            for act, least in ACTS.items():
                may = ROLES.index(role) >= ROLES.index(least)
                asked = await visitor.get(path(version, act))
                assert asked.status_code == (200 if may else 403), (role, act)
                if act.rpartition("/")[2] not in ("unarchive", "restore"):
                    assert (f'href="{path(version, act)}' in shown) is may, (role, act)
                if not may:
                    sent = await visitor.client.post(path(version, act), data={})
                    assert sent.status_code == 403, (role, act)
    token = await api.token("admin:elsewhere.*")
    async with visiting(api, token.token) as stranger:
        for act in ACTS:
            assert (await stranger.get(path(version, act))).status_code == 404


async def test_a_form_of_another_site_or_session_is_refused(
    api: Api, admin: Visitor, version: Version, settings: Settings
) -> None:
    form = await admin.form(path(version, "aliases/production/move"))
    fields = {**form.fields, "version": "2", "act": "move"}
    async with visiting(api, token_of(settings)) as other:
        attempts: list[httpx.Response] = [
            await admin.client.post(form.path, data=fields, headers={"origin": "https://evil.x"}),
            await admin.client.post(
                form.path, data=fields, headers={"sec-fetch-site": "same-site"}
            ),
            await admin.client.post(form.path, data={**fields, "form_key": ""}),
            await admin.client.post(form.path, data={**fields, "form_key": "é"}),
            await other.client.post(form.path, data=fields),
        ]
    assert [each.status_code for each in attempts] == [403] * 5
    assert await pointed(api, version.model) == 1


async def test_a_session_that_ended_does_nothing(api: Api, version: Version) -> None:
    token = await api.token(f"writer:{version.model}")
    async with visiting(api, token.token) as writer:
        form = await writer.form(path(version, "aliases/production/move"))
        writer.client.cookies.clear()
        answer = await writer.send(form, version="2", act="move")
    assert answer.status_code == 401
    assert await pointed(api, version.model) == 1


async def test_who_did_it_is_told_by_the_token_of_the_session(api: Api, version: Version) -> None:
    token = await api.token(f"writer:{version.model}")
    async with visiting(api, token.token) as writer:
        form = await writer.form(path(version, "aliases/production/move"))
        assert (await writer.send(form, version="2", act="move")).status_code == 303
    answer = await api.query.get(f"/v1/models/{version.model}/aliases/production")
    assert answer.json()["by"] == f"token:{token.id}"
