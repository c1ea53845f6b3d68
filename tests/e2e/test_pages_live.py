"""The overview keeps up with what happens, as far as its reader may know of it."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator
from time import monotonic

import httpx
import pytest

from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.browser import signed_in, until_found
from tests.support.event_streams import until_streams_begin
from tests.support.eventually import eventually

log = logging.getLogger(__name__)

VIEWERS = int(os.environ.get("PAGE_VIEWERS", "40"))
"""Pages that are open at once; 1000 is the long form. Logged is how long the last one waited."""


@pytest.fixture
async def browser(api: Api, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, signed in."""
    async with signed_in(api, token_of(settings)) as client:
        yield client


async def models_told(client: httpx.AsyncClient, until: str) -> list[str]:
    """The models of which a page is told, up to one of them."""
    told: list[str] = []
    async with asyncio.timeout(60), client.stream("GET", "/ui/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith(": model events"):
                told.append("begun")
            told += re.findall(r'"model":\s*"([^"]+)"', line)
            if until in told:
                return told
    raise AssertionError("the stream ended")


async def test_each_part_of_the_line_is_named_with_what_it_waits_for(
    browser: httpx.AsyncClient,
) -> None:
    for path in ("/ui/", "/ui/overview/parts"):
        text = (await browser.get(path)).text
        parts = re.findall(r'<div class="part (\w+)">\s*<strong>(\w+)', text)
        assert parts == [
            ("good", each)
            for each in ("ingest", "indexer", "notifier", "query", "search", "streams")
        ], text


async def test_a_page_is_told_of_models_that_its_reader_may_follow(
    api: Api, client: AsyncModelRegistryClient, model: str
) -> None:
    mine, other = f"mine.{model}", f"other.{model}"
    token = await api.token("reader:mine.*")
    async with signed_in(api, token.token) as reader:
        following = asyncio.create_task(models_told(reader, mine))
        while not following.done():  # the stream may begin after a first event
            await client.upload(other, b"x", path="m.bin")
            await client.upload(mine, b"x", path="m.bin")
            await asyncio.wait((following,), timeout=0.5)
        assert set(await following) == {"begun", mine}
        await until_found(api, mine)
        await until_found(api, other)
        text = (await reader.get("/ui/overview/newest")).text
        assert mine in text
        assert other not in text


async def test_all_open_pages_are_told_of_a_version(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    bounds = httpx.Limits(max_connections=None)
    waited: list[float] = []
    await until_streams_begin(str(api.query.base_url))
    async with signed_in(api, token_of(settings), limits=bounds) as viewers:
        before = await open_streams(api)

        async def view() -> None:
            await models_told(viewers, model)
            waited.append(monotonic() - sent_at)

        async with asyncio.TaskGroup() as pages:
            for _ in range(VIEWERS):
                pages.create_task(view())

            async def are_open() -> bool | None:
                return await open_streams(api) >= before + VIEWERS or None

            await eventually(are_open, 30 + VIEWERS / 10)
            sent_at = monotonic()
            await client.upload(model, b"x", path="m.bin")
    assert len(waited) == VIEWERS
    log.info("%d pages, told of an upload within %.2f s of its beginning", VIEWERS, max(waited))


async def open_streams(api: Api) -> int:
    """The streams that query tells to be open."""
    answer = await api.query.get("/health/events")
    return int(answer.json()["streams"])


async def test_the_newest_versions_wait_for_the_event_that_was_told(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"x", path="m.bin")
    found = await browser.get("/ui/overview/newest", params={"seen": f"{model}:2"})
    assert found.status_code == 200
    assert f'data-key="{model}/1"' in found.text
    for wrong in ("x", f"{model}:99999", "a" * 300):
        answer = await browser.get("/ui/overview/newest", params={"seen": wrong})
        assert answer.status_code == 422, wrong


async def test_the_stream_of_a_page_ends_with_its_session(api: Api, settings: Settings) -> None:
    async with (
        asyncio.timeout(60),
        signed_in(api, token_of(settings)) as reader,
        reader.stream("GET", "/ui/events") as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines)  # it has begun
        key = re.search(r'name="form_key" value="(\w+)"', (await reader.get("/ui/")).text)
        assert key is not None
        left = await reader.post("/ui/sign-out", data={"form_key": key[1]})
        assert left.status_code == 303
        rest = [line async for line in lines]
    assert "event: end" in rest
    assert any('"reason":"access"' in line for line in rest)


async def test_pieces_and_events_of_the_overview_need_a_session(
    api: Api, settings: Settings
) -> None:
    bearer = {"authorization": f"Bearer {token_of(settings)}"}
    for path in ("/ui/events", "/ui/overview/newest", "/ui/overview/parts"):
        assert (await api.query.get(path, headers=bearer)).status_code == 401, path
