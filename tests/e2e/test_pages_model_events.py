"""What happened to a model and to a version, on their pages: the newest first."""

import re

from shared.runtime.settings import Settings
from tests.support.access import carrying, token_of
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.pages import visiting

_EVENT = re.compile(r"<li>(?:(?!</li>).)*<em><bdi>([a-z_.]+)</bdi></em>.*?</li>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def told(text: str) -> list[tuple[str, str]]:
    """The events of a page: the type, and the line as it is read."""
    return [
        (found[1], " ".join(_TAG.sub(" ", found[0]).split())) for found in _EVENT.finditer(text)
    ]


async def test_a_model_tells_what_happened_to_it_and_who_did_it(
    api: Api, settings: Settings, model: str
) -> None:
    session = await api.open(model, file_of("model.bin", b"bytes"))
    await api.put(session.files[0], b"bytes")
    await api.ready(session)
    below, alias = f"/v1/models/{model}", f"/v1/models/{model}/aliases/production"
    why = {"reason": "the team"}
    for answer in (
        await api.ingest.put(alias, json={"version": 1, "reason": "auc 0.93"}),
        await api.ingest.patch(f"{below}/versions/1", json={"tags": {"team": "risk"}}, params=why),
        await api.ingest.delete(alias),
    ):
        assert answer.is_success, answer.text
    async with visiting(api, token_of(settings)) as admin:

        async def all_told() -> list[tuple[str, str]] | None:
            found = told((await admin.get(f"/ui/models/{model}")).text)
            return found if len(found) == 5 else None

        removed, edited, moved, ready, created = await eventually(all_told)
    assert [each[0] for each in (removed, edited, moved, ready, created)] == [
        "alias.moved",
        "version.edited",
        "alias.moved",
        "version.ready",
        "version.created",
    ]
    assert "production removed, from 1" in removed[1]
    assert "tags: the team" in edited[1]
    assert "of 1 by administrator production to 1: auc 0.93" in moved[1]
    assert " by " not in ready[1]


async def test_why_a_version_was_refused_is_told(api: Api, settings: Settings, model: str) -> None:
    session = await api.open(model, file_of("model.bin", b"bytes"))
    await api.ingest.delete(f"/v1/uploads/{session.upload_id}")
    async with visiting(api, token_of(settings)) as admin:

        async def refused() -> str | None:
            found = told((await admin.get(f"/ui/models/{model}")).text)
            return found[0][1] if found and found[0][0] == "version.rejected" else None

        assert "upload_aborted" in await eventually(refused)


async def test_another_models_events_are_not_told(api: Api, settings: Settings, model: str) -> None:
    for name in (model, f"{model}-2"):
        session = await api.open(name, file_of("model.bin", b"bytes"))
        await api.put(session.files[0], b"bytes")
        await api.ready(session)
    async with visiting(api, token_of(settings)) as admin:

        async def ready(name: str) -> list[tuple[str, str]] | None:
            found = told((await admin.get(f"/ui/models/{name}")).text)
            return found if len(found) > 1 else None

        assert len(await eventually(lambda: ready(f"{model}-2"))) == 2
        assert len(await eventually(lambda: ready(model))) == 2


async def test_who_administers_a_model_is_told_who_did_what_to_a_version(
    api: Api, settings: Settings, model: str
) -> None:
    writer, admin_of_it = await api.token(f"writer:{model}"), await api.token(f"admin:{model}")
    session = await api.open(model, file_of("model.bin", b"bytes"))
    await api.put(session.files[0], b"bytes")
    await api.ready(session)
    path, page = f"/v1/models/{model}/versions/1", f"/ui/models/{model}/versions/1"
    edited = await api.ingest.patch(path, json={"tags": {"team": "risk"}}, headers=carrying(writer))
    assert edited.is_success, edited.text
    async with visiting(api, admin_of_it.token) as admin:

        async def all_told() -> list[tuple[str, str]] | None:
            found = told((await admin.get(page)).text)
            return found if len(found) == 2 and "(" not in found[0][1] else None

        edit, opening = await eventually(all_told)
    assert (edit[0], opening[0]) == ("version.edit", "upload.open")
    assert edit[1].endswith(f"version.edit by token:{writer.id}")
    assert opening[1].endswith("upload.open by administrator")
    async with visiting(api, writer.token) as visitor:
        assert "Who did what" not in (await visitor.get(page)).text
