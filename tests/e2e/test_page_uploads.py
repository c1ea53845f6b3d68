"""What the script of the upload page may ask over HTTP: who, from where, and what it is told."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from registry.schemas import UploadSession
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of
from tests.support.pages import Visitor, visiting

DATA = b"bytes"


@pytest.fixture
async def admin(api: Api, settings: Settings) -> AsyncGenerator[Visitor]:
    async with visiting(api, token_of(settings)) as visitor:
        yield visitor


async def key_of(visitor: Visitor) -> dict[str, str]:
    """The header that a script of this session brings."""
    page = (await visitor.get("/ui/")).text
    return {"x-form-key": page.partition('name="form_key" value="')[2][:64]}


def wanted(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "files": [file_of("model.bin", DATA)], **fields}


async def test_an_upload_is_opened_sent_and_completed_with_a_session(
    api: Api, admin: Visitor, model: str
) -> None:
    headers = await key_of(admin)
    data = model.encode()  # new bytes: those that are stored are not sent
    asked = wanted(model, files=[file_of("model.bin", data)])
    opened = await admin.client.post("/ui/uploads", json=asked, headers=headers)
    assert opened.status_code == 201, opened.text
    assert "token" not in opened.json(), "a script is told no credential"
    session = UploadSession.model_validate_json(opened.content)
    below = f"/ui/uploads/{session.upload_id}"
    assert (await admin.client.get(below, headers=headers)).json()["state"] == "open"
    await api.put(session.files[0], data)
    done = await admin.client.post(f"{below}/complete", json={}, headers=headers)
    assert done.status_code == 200, done.text
    assert (await api.ready(session)).state == "ready"


async def test_an_upload_is_given_up(admin: Visitor, model: str) -> None:
    headers = await key_of(admin)
    # Of bytes that are nowhere: others are not sent, so that it would be complete at once.
    new = wanted(model, files=[file_of("model.bin", model.encode())])
    opened = await admin.client.post("/ui/uploads", json=new, headers=headers)
    below = f"/ui/uploads/{opened.json()['upload_id']}"
    assert (await admin.client.delete(below, headers=headers)).is_success
    assert (await admin.client.get(below, headers=headers)).json()["state"] == "aborted"


async def test_a_script_of_another_site_or_without_the_key_is_refused(
    api: Api, admin: Visitor, model: str, settings: Settings
) -> None:
    headers = await key_of(admin)
    async with visiting(api, token_of(settings)) as other:
        for visitor, brought in (
            (admin, {}),
            (admin, {"x-form-key": "0" * 64}),
            (admin, {**headers, "origin": "https://evil.example"}),
            (admin, {**headers, "sec-fetch-site": "cross-site"}),
            (other, headers),
        ):
            for method, path in (("POST", ""), ("GET", "/x"), ("POST", "/x/complete")):
                answer = await visitor.client.request(
                    method, f"/ui/uploads{path}", json=wanted(model), headers=brought
                )
                assert answer.status_code == 403
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["code"] == "foreign_form"


async def test_what_is_wrong_is_told_by_field_and_rule(admin: Visitor, model: str) -> None:
    headers = await key_of(admin)
    for body, field in (
        (wanted(model, files=[]), "files"),
        (wanted("a b"), "model"),
        (wanted(model, metrics={"auc": "much"}), "metrics.auc"),
    ):
        answer = await admin.client.post("/ui/uploads", json=body, headers=headers)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
    missing = await admin.client.get("/ui/uploads/none", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "upload_not_found")


async def test_who_may_only_read_uploads_nothing(api: Api, model: str) -> None:
    token = await api.token("reader:*")
    async with visiting(api, token.token) as reader:
        assert (await reader.get("/ui/upload")).status_code == 403
        assert "/ui/upload" not in (await reader.get("/ui/models")).text
        answer = await reader.client.post(
            "/ui/uploads", json=wanted(model), headers=await key_of(reader)
        )
        assert answer.status_code == 403
    token = await api.token(f"writer:{model}")
    async with visiting(api, token.token) as writer:
        assert "/ui/upload" in (await writer.get("/ui/models")).text
        answer = await writer.client.post(
            "/ui/uploads", json=wanted("elsewhere"), headers=await key_of(writer)
        )
        assert answer.status_code == 403


async def test_without_a_session_nothing_is_asked(api: Api, model: str) -> None:
    answer = await api.storage.post(f"{api.query.base_url}/ui/uploads", json=wanted(model))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_page_is_told_up_to_which_size_a_file_is_sent_in_one_body(
    admin: Visitor, model: str, settings: Settings
) -> None:
    told = f'data-single-put-bytes="{settings.upload_single_put_max_bytes}"'
    for path in ("/ui/upload", f"/ui/models/{model}/upload"):
        assert told in (await admin.get(path)).text


async def test_only_the_upload_page_may_send_to_storage(
    admin: Visitor, model: str, settings: Settings
) -> None:
    storage = f"{settings.storage_public_scheme}://{settings.storage_public_endpoint}"
    for path, may in (
        ("/ui/upload", True),
        (f"/ui/models/{model}/upload", True),
        ("/ui/", False),
        ("/ui/models/upload", False),
        ("/ui/models", False),
        (f"/ui/models/{model}/set-alias", False),
    ):
        policies = (await admin.get(path)).headers.get_list("content-security-policy")
        assert len(policies) == 1, path
        assert (storage in policies[0]) is may, path
        assert "script-src 'self';" in policies[0]
