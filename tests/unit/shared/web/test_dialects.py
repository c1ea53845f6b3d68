"""Paths of other tools: what answers them with a problem is worded as their clients read it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Scope

from shared.domain.access.actions import Action
from shared.domain.errors import NotFound, TooManyRequests
from shared.runtime.settings import Settings
from shared.web.access.caller import declares
from shared.web.dialects import Dialect, Failure, speak
from shared.web.service import add_shared_parts, make_app
from tests.support.isolation import SETTINGS


def word(failure: Failure) -> Response:
    told = {"said": failure.detail, "code": failure.code, "target": failure.target}
    return JSONResponse(told, failure.status)


DIALECT = Dialect(lambda path: path.startswith("/other/"), word, lambda given: given.upper())


async def _nothing(_: Request) -> list[str]:
    return []


def service(settings: Settings = SETTINGS) -> httpx.AsyncClient:
    app = make_app("A service", "For tests.", None)
    _add_routes(app)
    add_shared_parts(app, settings, _nothing)
    speak(app, [DIALECT])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.1", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


def _add_routes(app: FastAPI) -> None:
    anybody: Any = [declares(Action.PUBLIC)]

    @app.get("/other/missing", dependencies=anybody)
    @app.get("/v1/missing", dependencies=anybody)
    async def missing() -> None:  # pyright: ignore[reportUnusedFunction]
        raise NotFound("thing_not_found", "there is no thing")

    @app.get("/other/busy", dependencies=anybody)
    async def busy() -> None:  # pyright: ignore[reportUnusedFunction]
        raise TooManyRequests("too_many", "come again", 7)

    @app.get("/other/defect", dependencies=anybody)
    async def defect() -> None:  # pyright: ignore[reportUnusedFunction]
        raise ZeroDivisionError

    @app.get("/other/number", dependencies=anybody)
    async def number(n: int) -> int:  # pyright: ignore[reportUnusedFunction]
        return n

    @app.get("/other/stream", dependencies=anybody)
    async def stream() -> StreamingResponse:  # pyright: ignore[reportUnusedFunction]
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one "
            yield b"two"

        return StreamingResponse(pieces(), headers={"cache-control": "max-age=1"})

    @app.get("/other/credential", dependencies=anybody)
    async def credential(request: Request) -> str | None:  # pyright: ignore[reportUnusedFunction]
        return request.headers.get("authorization")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/other/missing", 404, "thing_not_found"),
        ("/other/nowhere", 404, "not_found"),
        ("/other/busy", 429, "too_many"),
        ("/other/defect", 500, "internal_error"),
        ("/other/number?n=x", 422, "invalid_request"),
    ],
)
async def test_every_error_is_worded(path: str, status: int, code: str) -> None:
    async with service() as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "said" in answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "referer", "target"),
    [
        ("GET", "http://test/other/page", "/other/missing?a=b"),
        ("POST", "http://test/other/page?x=y", "/other/page?x=y"),
        ("POST", "http://test/other/page", "/other/page"),
        *(("POST", "", ""), ("POST", "http://[", "")),
    ],
)
async def test_of_a_form_the_page_is_told_and_not_where_it_was_sent(
    method: str, referer: str, target: str
) -> None:
    async with service() as client:
        answer = await client.request(
            method, "/other/missing?a=b", headers={"referer": referer} if referer else {}
        )
    assert answer.json()["target"] == target


async def test_what_was_said_besides_stays() -> None:
    async with service() as client:
        busy = await client.get("/other/busy")
        method = await client.post("/other/busy")
    assert busy.headers["retry-after"] == "7"
    assert (method.status_code, method.headers["allow"]) == (405, "GET")


async def test_limits_that_refuse_before_any_route_are_worded_too() -> None:
    narrow = SETTINGS.model_copy(
        update={"address_requests_per_second": 0.001, "address_requests_burst": 1}
    )
    async with service(narrow) as client:
        answers = [await client.get("/other/stream") for _ in range(2)]
        large = await client.post("/other/busy", content=b"x" * 5_000_000)
    assert [each.status_code for each in answers] == [200, 429]
    assert answers[1].json()["code"] == "rate_limited"
    assert large.json()["code"] == "rate_limited"


async def test_a_body_over_the_limit_is_refused_in_their_words() -> None:
    async with service() as client:
        answer = await client.post("/other/busy", content=b"x" * 5_000_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_answers_and_other_paths_stay_as_they_are() -> None:
    async with service() as client:
        stream = await client.get("/other/stream")
        other = await client.get("/v1/missing")
    assert (stream.text, stream.headers["cache-control"]) == ("one two", "max-age=1")
    assert other.headers["content-type"] == "application/problem+json"


async def test_a_credential_is_read_as_theirs() -> None:
    async with service() as client:
        answer = await client.get("/other/credential", headers={"authorization": "basic abc"})
        without = await client.get("/other/credential")
    assert (answer.json(), without.json()) == ("BASIC ABC", None)


async def test_a_dialect_arranges_heads_and_gives_every_answer_its_headers() -> None:
    def say(scope: Scope) -> None:
        scope["headers"] = [*scope["headers"], (b"x-arranged", b"yes")]

    def told_target(failure: Failure) -> Response:
        return JSONResponse({"target": failure.target}, failure.status)

    app = make_app("A service", "For tests.", None)

    @app.get("/page", dependencies=[declares(Action.PUBLIC)])
    async def page(request: Request) -> str:  # pyright: ignore[reportUnusedFunction]
        return request.headers["x-arranged"]

    add_shared_parts(app, SETTINGS, _nothing)
    own = {"content-security-policy": "own"}
    speak(app, [Dialect(lambda _: True, told_target, arrange=say, headers=own)])
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        found = await client.get("/page")
        missing = await client.get("/missing?a=%20b")
    assert found.json() == "yes"
    assert missing.json() == {"target": "/missing?a=%20b"}
    for answer in (found, missing):
        assert answer.headers["content-security-policy"] == "own"
