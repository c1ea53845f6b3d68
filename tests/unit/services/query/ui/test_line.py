"""The services of the line are asked seldom, within a time limit, and told of as they answer."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.query.ui import line as lines
from services.query.ui.line import FRESH_SECONDS, OLD_SECONDS, Line, Place, places_of
from tests.support.isolation import SETTINGS

PLACE = Place("indexer", "checks", "http://indexer.test")


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def line_to(answer: Callable[[httpx.Request], Any], clock: Clock) -> Line:
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return Line(client, [PLACE], clock)


async def test_many_pages_at_once_ask_a_service_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(503, json={"waits_for": ["MongoDB"]})

    clock = Clock()
    line = line_to(answer, clock)
    found = await asyncio.gather(*(line.told() for _ in range(50)))
    assert asked == ["http://indexer.test/health/ready"]
    assert [each.waits_for for [each] in found] == [["MongoDB"]] * 50
    clock.now += FRESH_SECONDS
    await line.told()
    assert len(asked) == 1


async def test_what_is_old_is_asked_anew_before_it_is_told() -> None:
    waits_for: list[str] = []
    clock = Clock()
    line = line_to(lambda _: httpx.Response(200, json={"waits_for": waits_for}), clock)
    assert [each.waits_for for each in await line.told()] == [[]]
    waits_for.append("MinIO")
    clock.now += OLD_SECONDS - 0.1
    assert [each.waits_for for each in await line.told()] == [[]]  # and asks meanwhile
    clock.now += OLD_SECONDS + 0.1
    assert [each.waits_for for each in await line.told()] == [["MinIO"]]
    await line.close()


async def test_a_service_that_does_not_answer_is_named_within_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "ANSWER_SECONDS", 0.05)

    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    [told] = await line_to(never, Clock()).told()
    assert "there was none" in told.waits_for[0]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"waits_for": 1}', b"\xff", b"[" * 20_000, b" " * 100_000]
)
async def test_what_tells_no_readiness_is_no_answer(content: bytes) -> None:
    [told] = await line_to(lambda _: httpx.Response(200, content=content), Clock()).told()
    assert told.waits_for[0].startswith("an answer: ")


async def test_a_refused_connection_is_named() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    [told] = await line_to(refuse, Clock()).told()
    assert told.waits_for == ["an answer: ConnectError"]


async def test_long_troubles_are_cut() -> None:
    many = {"waits_for": ["x" * 1000] * 30}
    [told] = await line_to(lambda _: httpx.Response(503, json=many), Clock()).told()
    assert [len(each) for each in told.waits_for] == [lines.MOST_CHARACTERS] * lines.MOST_TROUBLES


def test_services_are_on_this_machine_or_where_somebody_said() -> None:
    def urls(**changes: str) -> dict[str, str]:
        return {p.name: p.url for p in places_of(SETTINGS.model_copy(update=changes))}

    assert urls() == {
        "ingest": "http://localhost:8000",
        "indexer": "http://localhost:8002",
        "notifier": "http://localhost:8003",
    }
    public = {
        "query_public_url": "https://models.example",
        "ingest_public_url": "https://in.example",
    }
    assert urls(**public) == {"ingest": "https://in.example"}
    named = {"indexer_internal_url": "http://indexer:8002/", "ingest_internal_url": "http://in:1"}
    assert urls(**public, **named) == {"ingest": "http://in:1", "indexer": "http://indexer:8002"}
