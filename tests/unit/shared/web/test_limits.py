"""Back pressure on ingest: beyond so many requests at once, 429 with Retry-After."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import Response
from starlette.types import Message, Receive, Scope, Send

from shared.domain.access.actions import Action
from shared.web.access.caller import declares
from shared.web.limits import MAX_BODY_BYTES, BodyLimit, RequestLimit
from shared.web.service import add_shared_parts, make_app
from tests.support.isolation import SETTINGS
from tests.support.problems import problem


class Service:
    """A service whose one route takes as long as the test wants."""

    def __init__(self) -> None:
        self.under_way = 0
        self.go_on = asyncio.Event()
        app = make_app("A service", "For tests.", None)
        app.add_middleware(RequestLimit, limit=2)
        add_shared_parts(app, SETTINGS, self._nothing)
        app.post("/work", dependencies=[declares(Action.PUBLIC)])(self._work)
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test"
        )

    async def _work(self, fail: bool = False) -> None:
        self.under_way += 1
        await self.go_on.wait()
        self.under_way -= 1
        if fail:
            raise ZeroDivisionError

    async def _nothing(self, _: Any) -> list[str]:
        return []

    async def busy(self) -> list[asyncio.Task[httpx.Response]]:
        """As many requests as are allowed, under way."""
        tasks = [asyncio.create_task(self.http.post("/work")) for _ in range(2)]
        while self.under_way < 2:  # noqa: ASYNC110 - requests begin in their own time
            await asyncio.sleep(0)
        return tasks


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    found = Service()
    async with found.http:
        yield found


async def test_what_is_too_much_is_told_when_to_come_again(service: Service) -> None:
    busy = await service.busy()
    answer = await service.http.post("/work")
    assert "2 requests" in problem(answer, 429, "too_many_requests")["detail"]
    assert int(answer.headers["Retry-After"]) >= 1
    service.go_on.set()
    assert [(await task).status_code for task in busy] == [200, 200]


async def test_health_is_answered_all_the_same(service: Service) -> None:
    busy = await service.busy()
    for path in ("/health/live", "/health/ready"):
        assert (await service.http.get(path)).status_code == 200
    service.go_on.set()
    await asyncio.gather(*busy)


async def test_requests_that_ended_make_room_also_those_that_failed(service: Service) -> None:
    service.go_on.set()
    for _ in range(3):
        answer = await service.http.post("/work", params={"fail": True})
        assert answer.status_code == 500
    assert (await service.http.post("/work")).status_code == 200


async def test_who_does_not_read_the_answer_takes_no_room() -> None:
    """What is limited is the work: a client may leave its answer unread for as long as it likes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response("thanks")(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def unread(message: Message) -> None:
        await asyncio.Event().wait()

    answers: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    limit, scope = RequestLimit(app, 1), {"type": "http", "path": "/v1/work"}
    waiting = asyncio.create_task(limit(scope, receive, unread))
    await asyncio.sleep(0)
    await limit(scope, receive, send)
    waiting.cancel()
    await asyncio.wait((waiting,))
    await limit(scope, receive, send)
    assert answers == [200, 200]


async def test_who_is_still_sending_takes_no_room(service: Service) -> None:
    sent = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await sent.wait()
        yield b"}"

    async def send() -> httpx.Response:
        return await service.http.post("/work", content=slowly())

    slow = [asyncio.create_task(send()) for _ in range(2)]
    await asyncio.sleep(0)
    service.go_on.set()
    assert (await service.http.post("/work")).status_code == 200
    sent.set()
    assert [(await task).status_code for task in slow] == [200, 200]


class Bodies:
    """A service behind the body limit alone, and the bodies that it was given."""

    def __init__(self, **limits: float) -> None:
        self.given: list[bytes] = []
        self.answers: list[int] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self.given.append((await receive())["body"])
            await Response("thanks")(scope, receive, send)

        self._limit = BodyLimit(app, **limits)  # pyright: ignore[reportArgumentType] - by name

    async def post(self, *chunks: bytes, then: asyncio.Event | None = None) -> int:
        """Send a body in these chunks, the last one after `then`; the status of the answer."""
        left = list(chunks)

        async def receive() -> Message:
            if len(left) == 1 and then is not None:
                await then.wait()
            body = left.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(left)}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answers.append(message["status"])

        await self._limit({"type": "http", "method": "POST", "headers": []}, receive, send)
        return self.answers[-1]


async def test_a_body_that_stops_arriving_is_given_up() -> None:
    bodies = Bodies(idle_seconds=0.0)
    assert await bodies.post(b"{", b"}", then=asyncio.Event()) == 408
    assert bodies.given == []


async def test_a_body_that_never_ends_is_given_up_although_it_goes_on() -> None:
    bodies = Bodies(total_seconds=0.0)
    assert await bodies.post(b"{", b"}", then=asyncio.Event()) == 408


async def test_bodies_hold_no_more_than_their_room_and_give_it_back() -> None:
    bodies, ended = Bodies(held_bytes=10), asyncio.Event()
    slow = asyncio.create_task(bodies.post(b"12345678", b"9", then=ended))
    await asyncio.sleep(0)
    assert await bodies.post(b"123") == 429
    assert await bodies.post(b"1") == 200
    ended.set()
    assert await slow == 200
    assert await bodies.post(b"1234567890") == 200
    assert bodies.given == [b"1", b"123456789", b"1234567890"]


async def test_a_refused_body_makes_room_at_once() -> None:
    bodies = Bodies(held_bytes=10)
    assert await bodies.post(b"12345678", b"9012", b"3") == 429
    assert await bodies.post(b"1234567890") == 200


async def test_a_body_that_is_declared_as_too_large_is_refused_before_it_is_read() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nobody is asked")

    def scope(length: int) -> Scope:
        headers = [(b"content-length", str(length).encode())]
        return {"type": "http", "method": "POST", "headers": headers}

    await BodyLimit(app)(scope(MAX_BODY_BYTES + 1), receive, send)
    assert sent[0]["status"] == 413
    assert b"connection" not in dict(sent[0]["headers"])
    await BodyLimit(app)(scope(10**18), receive, send)
    assert dict(sent[2]["headers"])[b"connection"] == b"close"
