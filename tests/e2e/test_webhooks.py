"""Webhooks as their receivers meet them: signed, in order, at least once, and for whom they are."""

from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.receiver import HANG, Receiver, receiver

DATA = b"bytes"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


async def subscribe(api: Api, url: str, model: str, **fields: Any) -> dict[str, Any]:
    body = {"url": url, "models": [model], **fields}
    answer = await api.ingest.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def make_version(api: Api, model: str) -> int:
    session = await api.open(model, file_of("model.bin", DATA))
    await api.put(session.files[0], DATA)
    return (await api.ready(session)).number


async def deliveries(api: Api, webhook: str, **params: Any) -> list[dict[str, Any]]:
    answer = await api.query.get(f"/v1/webhooks/{webhook}/deliveries", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def until_settled(
    api: Api, webhook: str, count: int, state: str = "delivered"
) -> list[dict[str, Any]]:
    """Wait until so many deliveries are in a state: a receiver knows of it a moment before."""

    async def look() -> list[dict[str, Any]] | None:
        found = await deliveries(api, webhook, state=state)
        return found if len(found) >= count else None

    return await eventually(look)


async def until_state(api: Api, webhook: str, state: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = (await api.query.get(f"/v1/webhooks/{webhook}")).json()
        return found if found["state"] == state else None

    return await eventually(look)


async def test_events_of_a_model_arrive_in_order_and_are_verified_by_the_secret(
    api: Api, hook: Receiver, model: str
) -> None:
    made = await subscribe(api, hook.url, model)
    assert made["secret"].startswith("whsec_")
    await make_version(api, model)
    received = await hook.until_accepted(2)
    assert [each.event["type"] for each in received] == [
        "registry.version.created.v1",
        "registry.version.ready.v1",
    ]
    verifier = Verifier(made["secret"])
    for each in received:
        assert verifier.verify(each.body, dict(each.headers)) == each.event
        assert each.id == each.event["id"]
        assert each.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    kept = await until_settled(api, made["id"], 2)
    assert kept[0]["attempts"][0]["status"] == 204
    assert "body" not in kept[0]


async def test_who_comes_back_gets_all_in_order_with_the_same_ids(
    api: Api, hook: Receiver, model: str
) -> None:
    hook.behave(lambda _: 500)
    made = await subscribe(api, hook.url, model, types=["version.ready"])
    await make_version(api, model)
    await hook.until_received(2)
    await make_version(api, model)
    hook.behave(lambda _: 200)
    accepted = await hook.until_accepted(2)
    assert [each.event["data"]["number"] for each in accepted] == [1, 2]
    tried = [each.id for each in hook.received]
    assert len(tried) >= 4
    assert list(dict.fromkeys(tried)) == [each.id for each in accepted], "one after the other"
    found = await until_settled(api, made["id"], 2)
    assert {each["event_id"] for each in found} == {each.id for each in accepted}
    [first] = [each for each in found if each["event_id"] == accepted[0].id]
    assert [each["status"] for each in first["attempts"]][:2] == [500, 500]
    assert first["attempt_count"] == len([each for each in tried if each == first["event_id"]])


async def test_a_receiver_that_hangs_or_redirects_holds_up_nobody_else(
    api: Api, hook: Receiver, model: str
) -> None:
    with receiver() as hanging, receiver() as redirecting, receiver() as elsewhere:
        hanging.behave(lambda _: HANG)
        redirecting.behave(lambda _: (307, {"location": elsewhere.url}))
        first = await subscribe(api, hanging.url, model)
        second = await subscribe(api, redirecting.url, model)
        await subscribe(api, hook.url, model)
        await make_version(api, model)
        await hook.until_accepted(2)
        await hanging.until_received(2)
        await redirecting.until_received(2)
        assert elsewhere.received == []
        [_, timed_out] = await deliveries(api, first["id"])
        assert {each["error"] for each in timed_out["attempts"]} == {"timeout"}
        [_, redirected] = await deliveries(api, second["id"])
        assert redirected["state"] == "waiting"
        assert {each["status"] for each in redirected["attempts"]} == {307}
        for made in (first, second):
            assert (await api.ingest.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
