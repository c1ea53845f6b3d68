"""What is asked for a webhook: refused with a reason, or kept as it was said."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.runtime.settings import Settings
from tests.support.api import Api

URL = "https://example.com/hook"


async def made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = await api.ingest.post("/v1/webhooks", json={"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


BAD_TAGS: list[dict[str, str]] = [
    {"a\0b": "x"},
    {"a.b": "x"},
    {"$set": "x"},
    {"": "x"},
    {"a\ud800": "x"},
    {"a": "\ud800"},
]


@pytest.mark.parametrize("tags", BAD_TAGS)
async def test_tags_that_no_version_can_have_are_refused_by_name(
    api: Api, tags: dict[str, str]
) -> None:
    webhook = (await made(api, models=[f"m-{uuid4().hex[:8]}"]))["id"]
    headers = {"content-type": "application/json"}
    for method, path, body in (
        ("POST", "/v1/webhooks", {"url": URL, "tags": tags}),
        ("PATCH", f"/v1/webhooks/{webhook}", {"tags": tags}),
    ):
        answer = await api.ingest.request(method, path, content=json.dumps(body), headers=headers)
        assert answer.status_code == 422, (method, answer.text)
        assert answer.json()["errors"][0]["field"].startswith("tags")


async def test_one_principal_makes_no_more_webhooks_than_are_for_one(
    api: Api, settings: Settings
) -> None:
    prefix = f"m-{uuid4().hex[:8]}"
    token = await api.token(f"events:{prefix}.*")
    bearer = {"authorization": f"Bearer {token.token}"}
    body = {"url": URL, "models": [f"{prefix}.*"]}

    async def ask(key: int) -> httpx.Response:
        headers = {**bearer, "idempotency-key": f"{prefix}-{key}"}
        return await api.ingest.post("/v1/webhooks", json=body, headers=headers)

    most = settings.webhook_max_of_principal
    kept = [await ask(key) for key in range(most)]
    assert {each.status_code for each in kept} == {201}
    refused = await ask(most)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_webhooks")
    assert f"{most} webhooks" in refused.json()["detail"]
    again = await ask(0)
    assert (again.status_code, again.json()["id"]) == (201, kept[0].json()["id"])
    for each in kept:
        path = f"/v1/webhooks/{each.json()['id']}"
        assert (await api.ingest.delete(path, headers=bearer)).status_code == 204
    assert (await ask(most)).status_code == 201
