"""What a call about lineage names stays the same when it is sent again."""

import json
from typing import Any

import httpx

from tests.unit.client_fake import FakeRegistry, problem


def test_an_alias_of_a_parent_is_asked_once_however_often_the_call_is_sent() -> None:
    fake = FakeRegistry()
    points_at, bodies = [2, 1], list[Any]()

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/base/versions/@production"):
            request.url = request.url.copy_with(path=f"/v1/models/base/versions/{points_at[0]}")
            return None
        if not request.url.path.endswith("/lineage"):
            return None
        bodies.append(json.loads(request.content)["parents"])
        if points_at.pop(0) == 2:
            return problem(503, "unavailable", "its answer is lost, and the alias moves")
        return httpx.Response(200, json={"model": "churn", "number": 1, "links": []})

    with fake.blocking_client() as client:
        for data in (b"one", b"two"):
            client.upload("base", data, path="m.bin")
        fake.faults.append(answer)
        client.add_lineage("churn", 1, parents=["base@production", "s3://elsewhere"])
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert (bodies[0][0]["model"], bodies[0][0]["version"]) == ("base", 2)
