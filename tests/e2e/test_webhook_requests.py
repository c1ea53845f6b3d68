"""What is asked for a webhook: refused with a reason, or kept as it was said."""

import json
from typing import Any
from uuid import uuid4

import pytest

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
