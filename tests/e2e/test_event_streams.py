"""Events over HTTP as users follow them: an upload is heard of, by who may, and no longer."""

import asyncio
import io
import json
from contextlib import aclosing
from typing import Any

import httpx
import pytest

import registry
from registry.schemas import NewToken
from shared.runtime.settings import Settings
from tests.support.access import bearer, carrying, client_of, token_of
from tests.support.api import Api, file_of
from tests.support.command import registry_command
from tests.support.event_streams import EventReader, Refused, until_streams_begin

END_SECONDS = 20.0
"""Twice what a revoked token may count for: the machine may be busy."""


@pytest.fixture
async def url(settings: Settings) -> str:
    """Query's address, once streams can begin: it answers all else before."""
    await until_streams_begin(settings.query_url)
    return settings.query_url


async def upload(api: Api, model: str) -> None:
    session = await api.open(model, file_of("model.bin", b"bytes"))
    await api.put(session.files[0], b"bytes")
    await api.ready(session)


async def test_an_upload_is_heard_of_as_the_topic_tells_it(
    api: Api, settings: Settings, url: str, model: str
) -> None:
    async with EventReader.at(url, bearer(settings), model=model) as reader:
        await upload(api, model)
        created, ready = await reader.take(2)
    assert [created.type, ready.type] == [
        "registry.version.created.v1",
        "registry.version.ready.v1",
    ]
    event = registry.ModelEvent.model_validate(ready.data)
    assert (event.type, event.sequence, event.data.model) == (ready.type, 2, model)
    assert event.data.artifacts == (await api.version(model, 1)).artifacts
    async with EventReader.at(
        url, bearer(settings), model=model, last_event_id=created.id
    ) as reader:
        assert await reader.take(1) == [ready]
    # As a browser asks at first, which cannot set the header.
    async with EventReader.at(
        url, bearer(settings), model=model, last_event_id=created.id, by_parameter=True
    ) as reader:
        assert await reader.take(1) == [ready]


async def test_a_client_follows_with_and_without_async(
    api: Api, settings: Settings, model: str
) -> None:
    await upload(api, model)
    async with client_of(settings, token_of(settings)) as client:
        events = client.follow_events([model], start="beginning", follow=False)
        heard = [event async for event in events]
        assert [event.sequence for event in heard] == [1, 2]

    def follow() -> list[int]:
        with registry.ModelRegistryClient(settings.ingest_url) as plain:
            later = plain.follow_events([model], last_event_id=heard[0].place, follow=False)
            return [event.sequence for event in later]

    assert await asyncio.to_thread(follow) == [2]


async def test_a_subscription_over_http_hears_each_event_once_and_from_any_place(
    settings: Settings, model: str
) -> None:
    url = settings.ingest_url
    async with (
        registry.AsyncModelRegistryClient(url) as client,
        registry.subscribe(url, model=model, via="http") as live,
        asyncio.timeout(30),
    ):
        await client.upload(model, io.BytesIO(b"one"), path="model.bin")
        heard = live.__aiter__()
        assert [(await anext(heard)).sequence for _ in range(2)] == [1, 2]
        await heard.aclose()
    replay = registry.subscribe(url, model=model, start=1, follow=False, via="http")
    assert [event.sequence async for event in replay] == [2]


async def test_the_command_prints_events_without_kafka(
    api: Api, settings: Settings, model: str
) -> None:
    await upload(api, model)
    printed = await asyncio.to_thread(
        lambda: registry_command(
            "events", "--model", model, "--via", "http", "--json", url=settings.ingest_url
        )
    )
    assert [json.loads(line)["sequence"] for line in printed.splitlines()] == [1, 2]


async def test_who_may_follow_some_models_hears_of_these_alone(
    api: Api, settings: Settings, url: str, model: str
) -> None:
    mine, other = f"{model}.a", f"{model}x"
    narrow = carrying(await api.token(f"events:{model}.*"))
    async with (
        EventReader.at(url, narrow) as reader,
        EventReader.at(url, narrow, model="*") as of_all,
    ):
        await upload(api, other)
        await upload(api, mine)
        assert [each.key for each in await reader.take(2)] == [(mine, 1), (mine, 2)]
        assert [each.key for each in await of_all.take(2)] == [(mine, 1), (mine, 2)]
    for pattern in (other, "elsewhere.*"):
        with pytest.raises(Refused) as refused:
            await _open(url, narrow, model=pattern)
        assert (refused.value.status, refused.value.problem["missing_grant"]) == (
            403,
            f"reader:{pattern}",
        )


async def _open(url: str, headers: dict[str, str], **params: Any) -> None:
    async with EventReader.at(url, headers, **params):
        return


async def test_a_stream_ends_soon_after_its_token_is_revoked(
    api: Api, settings: Settings, url: str, model: str
) -> None:
    revoked: NewToken = await api.token(f"events:{model}")
    kept = await api.token(f"reader:{model}")
    async with (
        EventReader.at(url, carrying(revoked)) as reader,
        EventReader.at(url, carrying(kept), model=model) as other,
    ):
        answer = await api.ingest.delete(f"/v1/tokens/{revoked.id}")
        assert answer.status_code == 204
        async with asyncio.timeout(END_SECONDS):
            [end] = await reader.rest()
        assert (end.type, end.data["reason"]) == ("end", "access")
        await upload(api, model)
        assert len(await other.take(2)) == 2
    with pytest.raises(Refused) as refused:
        await _open(url, carrying(revoked), last_event_id=end.id)
    assert refused.value.status == 401


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"last_event_id": "no id of ours"}, "Last-Event-ID"),
        ({"type": "registry.version.redy.v1"}, "type"),
        ({"model": "a b"}, "model"),
        ({"alias": "latest"}, "alias"),
        ({"from": "yesterday"}, "from"),
        ({"alias": ["a"] * 51}, "alias"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, params: dict[str, Any], field: str) -> None:
    answer: httpx.Response = await api.query.get("/v1/events", params=params)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_a_silent_stream_is_kept_by_heartbeats_that_move_its_place(
    api: Api, settings: Settings, url: str, model: str
) -> None:
    """Who hears nothing for long must not come back to a place that is kept no more."""
    async with EventReader.at(url, bearer(settings), model=f"{model}.none") as reader:
        await upload(api, model)
        async with asyncio.timeout(60), aclosing(reader.lines()) as lines:
            ids: list[str] = []
            async for line in lines:
                if line.startswith("id: "):
                    ids.append(line)
                if line == ": heartbeat" and len(ids) == 1:
                    continue
                if len(ids) == 2:
                    break
    assert ids[0] != ids[1]
