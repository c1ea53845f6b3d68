"""Webhooks as their receivers meet them: signed, in order, at least once, and for whom they are."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from registry.cli import run
from registry.schemas import WebhookEvent
from shared.runtime.settings import Settings
from tests.support import topics
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.receiver import HANG, Receiver, receiver
from tests.support.system import System

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


async def test_one_that_is_paused_gets_all_that_came_meanwhile_once_it_is_resumed(
    api: Api, hook: Receiver, model: str
) -> None:
    made = await subscribe(api, hook.url, model)
    path = f"/v1/webhooks/{made['id']}"
    assert (await api.ingest.post(f"{path}/pause")).json()["state"] == "paused"
    await make_version(api, model)
    await until_settled(api, made["id"], 2, "waiting")
    assert hook.received == []
    assert (await api.ingest.post(f"{path}/test")).status_code == 409
    assert (await api.ingest.post(f"{path}/resume")).json()["state"] == "active"
    assert [each.event["sequence"] for each in await hook.until_accepted(2)] == [1, 2]


async def test_secrets_are_exchanged_without_a_gap(api: Api, hook: Receiver, model: str) -> None:
    made = await subscribe(api, hook.url, model)
    path = f"/v1/webhooks/{made['id']}"
    rotated = (await api.ingest.post(f"{path}/rotate", json={"overlap_seconds": 3600})).json()
    assert rotated["previous_until"] is not None
    assert (await api.ingest.post(f"{path}/test")).status_code == 202
    [both] = await hook.until_accepted(1)
    for secret in (made["secret"], rotated["secret"]):
        Verifier(secret).verify(both.body, dict(both.headers))
    assert both.event["type"] == "registry.webhook.test.v1"
    told = (await api.query.get(path)).text + (await api.query.get("/v1/webhooks")).text
    assert "whsec_" not in told


async def test_one_delivery_or_a_range_is_made_again_with_the_same_ids(
    api: Api, hook: Receiver, model: str
) -> None:
    made = await subscribe(api, hook.url, model)
    await make_version(api, model)
    first, second = await hook.until_accepted(2)
    await until_settled(api, made["id"], 2)
    path = f"/v1/webhooks/{made['id']}/replay"

    async def replay(expected: int, **asked: Any) -> None:
        answer = await api.ingest.post(path, json=asked)
        assert (answer.status_code, answer.json().get("count")) == (202, expected), answer.text

    await replay(1, event_id=first.id)
    *_, again = await hook.until_accepted(3)
    assert again.event == first.event
    await until_settled(api, made["id"], 2)
    await replay(2, model=model, from_sequence=1, to_sequence=9)
    assert [each.id for each in (await hook.until_accepted(5))[3:]] == [first.id, second.id]
    await until_settled(api, made["id"], 2)
    await replay(0, until="2020-01-01T00:00:00Z")
    await replay(0, since="2020-01-01T00:00:00Z", failed_only=True)
    absent = await api.ingest.post(path, json={"event_id": "absent"})
    assert absent.json()["code"] == "delivery_not_found"
    replayed = {each["event_id"]: each["replays"] for each in await deliveries(api, made["id"])}
    assert replayed == {first.id: 2, second.id: 1}


async def test_filters_by_type_alias_and_tag_let_through_what_they_name(
    api: Api, hook: Receiver, model: str
) -> None:
    with receiver() as tagged:
        await subscribe(api, hook.url, model, aliases=["production"], types=["alias.moved"])
        await subscribe(api, tagged.url, model, tags={"team": "risk"}, mode="binary")
        for number, team in ((1, "other"), (2, "risk")):
            session = await api.open(model, file_of("model.bin", DATA), tags={"team": team})
            await api.put(session.files[0], DATA)
            await api.ready(session)
            path = f"/v1/models/{model}/aliases"
            for alias in ("staging", "production"):
                moved = await api.ingest.put(f"{path}/{alias}", json={"version": number})
                assert moved.status_code == 200
        moves = [each.event["data"]["alias"] for each in await hook.until_accepted(2)]
        assert [(each["name"], each["to_number"]) for each in moves] == [
            ("production", 1),
            ("production", 2),
        ]
        binary = await tagged.until_accepted(4)  # created, ready, and both aliases
        assert [each.headers["ce-type"].split(".")[2] for each in binary] == [
            *("created", "ready"),
            *("moved", "moved"),
        ]
        assert {each.event["number"] for each in binary} == {2}
        assert binary[0].headers["content-type"] == "application/json"


async def test_an_owner_is_told_of_what_they_may_read_and_of_nothing_once_they_are_gone(
    api: Api, hook: Receiver, model: str
) -> None:
    mine, other = f"{model}.mine", f"{model}.other"
    token = await api.token(f"reader:{mine}")
    headers = {"authorization": f"Bearer {token.token}"}
    body = {"url": hook.url, "models": [f"{model}.*"]}
    made = (await api.ingest.post("/v1/webhooks", json=body, headers=headers)).json()
    refused = await api.ingest.post(
        "/v1/webhooks", json={**body, "models": [other]}, headers=headers
    )
    assert (refused.status_code, refused.json()["missing_grant"]) == (403, f"reader:{other}")
    await make_version(api, other)
    await make_version(api, mine)
    received = await hook.until_accepted(2)
    assert {each.event["data"]["model"] for each in received} == {mine}
    assert {each["model"] for each in await until_settled(api, made["id"], 2)} == {mine}
    assert (await api.ingest.delete(f"/v1/tokens/{token.id}")).status_code == 204
    paused = await api.ingest.post(f"/v1/webhooks/{made['id']}/pause")
    assert paused.status_code == 200, "who administers everything may"
    await api.ingest.post(f"/v1/webhooks/{made['id']}/resume")

    async def disabled() -> dict[str, Any] | None:
        await make_version(api, mine)  # by the next one the notifier has asked again
        found = (await api.query.get(f"/v1/webhooks/{made['id']}")).json()
        return found if found["state"] == "disabled" else None

    found = await eventually(disabled)
    assert found["reason"] == "owner_gone"


async def test_a_receiver_that_is_gone_disables_its_webhook_and_that_is_told(
    api: Api, system: System, hook: Receiver, model: str
) -> None:
    hook.behave(lambda _: 410)
    made = await subscribe(api, hook.url, model)
    await make_version(api, model)
    found = await until_state(api, made["id"], "disabled")
    assert found["reason"] == "gone"
    assert len(hook.received) == 1
    settings = system.settings
    key = f"webhook:{made['id']}".encode()
    records = await topics.read_until(
        settings.kafka_bootstrap_servers,
        settings.kafka_model_events_topic,
        lambda records: any(each.key == key for each in records),
    )
    [record] = [each for each in records if each.key == key]
    event = WebhookEvent.model_validate_json(record.value or b"")
    assert (event.data.webhook, event.data.reason, event.sequence) == (made["id"], "gone", 1)
    assert hook.url.encode() not in (record.value or b"")
    audit = (await api.query.get("/v1/audit", params={"action": "webhook.disable"})).json()
    assert f"webhook:{made['id']}" in {each["subject"] for each in audit["items"]}
    hook.behave(lambda _: 200)
    await api.ingest.post(f"/v1/webhooks/{made['id']}/resume")
    assert [each.event["sequence"] for each in await hook.until_accepted(2)] == [1, 2]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("url", "ftp://example.com/", "https"),
        ("url", "https://user:password@example.com/", "password"),
        ("url", "https://example.com/#fragment", "fragment"),
        ("url", "https:///path", "host"),
        ("url", "http://10.0.0.1/", "private"),
        ("url", "http://[fd00:ec2::254]/", "public"),
        ("url", "https://example.com/a b", "spaces"),
        ("models", ["risk.*x"], "NAMESPACE"),
        ("types", ["version.readier"], "version.ready"),
        ("types", ["edited"], "several"),
        ("aliases", ["latest"], "latest"),
    ],
)
async def test_what_cannot_be_subscribed_to_is_refused_with_its_rule(
    api: Api, field: str, value: object, rule: str
) -> None:
    body = {"url": "https://example.com/hook", "models": ["*"], field: value}
    answer = await api.ingest.post("/v1/webhooks", json=body)
    assert answer.status_code == 422, answer.text
    assert field in answer.json()["errors"][0]["field"]
    assert rule in answer.text


async def test_the_same_key_makes_one_webhook_and_tells_its_secret_again(
    api: Api, hook: Receiver, model: str
) -> None:
    headers = {"idempotency-key": f"key-{model}"}
    body = {"url": hook.url, "models": [model]}
    first, again = [
        (await api.ingest.post("/v1/webhooks", json=body, headers=headers)).json() for _ in "ab"
    ]
    assert (first["id"], first["secret"]) == (again["id"], again["secret"])
    other = await api.ingest.post("/v1/webhooks", json={**body, "models": ["*"]}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


async def test_the_command_does_all_of_it(
    api: Api,
    settings: Settings,
    hook: Receiver,
    model: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def command(*arguments: str) -> str:
        line = ["webhooks", *arguments, "--url", settings.ingest_url]
        assert await asyncio.to_thread(run, line) == 0
        return capsys.readouterr().out

    asked = ("--model", model, "--type", "version.ready", "--alias", "production", "--json")
    made = json.loads(await command("create", hook.url, *asked))
    assert made["secret"].startswith("whsec_")
    webhook = made["id"]
    assert webhook in await command("list")
    await command("test", webhook)
    [tried] = await hook.until_accepted(1)
    await until_settled(api, webhook, 1)
    assert tried.id in await command("deliveries", webhook)
    [told] = [json.loads(await command("deliveries", webhook, "--json"))]
    assert told["attempts"][0]["status"] == 204
    assert await command("replay", webhook, tried.id) == "1 sent again\n"
    await hook.until_accepted(2)
    assert "paused" in await command("pause", webhook)
    assert "active" in await command("resume", webhook)
    assert json.loads(await command("rotate", webhook, "--json"))["secret"] != made["secret"]
    assert await command("delete", webhook) == f"deleted {webhook}\n"
    assert webhook not in await command("list", "--json")
