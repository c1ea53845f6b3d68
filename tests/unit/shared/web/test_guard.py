"""Each answer carries the id of its request, and none that could be kept by others."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI, Request

from shared.domain.access.actions import Action
from shared.runtime.settings import Settings
from shared.web.access.caller import declares
from shared.web.service import add_shared_parts, make_app
from tests.support.isolation import SETTINGS
from tests.support.problems import problem

NEW_ID = re.compile(r"[0-9a-f]{32}")
ORIGIN = "https://ui.example"


async def _nothing_is_missing(_: Request) -> list[str]:
    return []


def guarded_app(settings: Settings) -> FastAPI:
    app = make_app("A service", "For tests.", None)
    add_shared_parts(app, settings, _nothing_is_missing)

    @app.get("/v1/seen", dependencies=[declares(Action.PUBLIC)])
    async def seen(request: Request) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        bound = structlog.contextvars.get_contextvars()
        return {"logged": bound.get("request_id"), "state": request.state.request_id}

    @app.get("/v1/defect", dependencies=[declares(Action.PUBLIC)])
    async def defect() -> None:  # pyright: ignore[reportUnusedFunction]
        raise ZeroDivisionError

    return app


def client_of(**changes: Any) -> httpx.AsyncClient:
    app = guarded_app(SETTINGS.model_copy(update=changes))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of() as client:
        yield client


async def test_an_id_that_is_brought_is_logged_and_answered(http: httpx.AsyncClient) -> None:
    for given in ("a", "job-7_x.y", "Root=1-67891233-abcdef012345678912345678", "x" * 128):
        answer = await http.get("/v1/seen", headers={"X-Request-ID": given})
        assert answer.headers["x-request-id"] == given
        assert answer.json() == {"logged": given, "state": given}


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", 'a"b', "a\tb", "<b>", "é", "a;b"])
async def test_an_id_that_could_do_harm_is_replaced(http: httpx.AsyncClient, given: str) -> None:
    answer = await http.get("/v1/seen", headers={b"X-Request-ID": given.encode("latin-1")})
    assert NEW_ID.fullmatch(answer.headers["x-request-id"])


async def test_every_answer_has_an_id_of_its_own(http: httpx.AsyncClient) -> None:
    paths = ["/v1", "/v1/seen", "/v1/nothing", "/v1/defect", "/health/live", "/openapi.json"]
    answers = [await http.get(path) for path in paths] + [await http.put("/v1")]
    assert [each.status_code for each in answers] == [200, 200, 404, 500, 200, 200, 405]
    ids = {each.headers["x-request-id"] for each in answers}
    assert len(ids) == len(answers)
    assert all(map(NEW_ID.fullmatch, ids))


async def test_nobody_may_keep_answers_that_hold_something(http: httpx.AsyncClient) -> None:
    for path in ("/v1/seen", "/v1/nothing", "/v1/defect"):
        assert (await http.get(path)).headers["cache-control"] == "no-store"
    assert "cache-control" not in (await http.get("/v1")).headers


async def test_an_address_that_asks_too_often_is_told_when_to_come_again() -> None:
    limits = {"address_requests_per_second": 0.1, "address_requests_burst": 2}
    async with client_of(**limits) as http:
        answers = [await http.get("/v1/seen") for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        problem(answers[2], 429, "rate_limited")
        assert 1 <= int(answers[2].headers["retry-after"]) <= 10
        assert NEW_ID.fullmatch(answers[2].headers["x-request-id"])
        assert (await http.get("/health/live")).status_code == 200


async def test_pages_that_load_scripts_from_elsewhere_are_off(http: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
        problem(await http.get(path), 404, "not_found")
    assert (await http.get("/openapi.json")).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80@x", "[", "a b", ""])
async def test_no_address_is_built_from_the_host_header(http: httpx.AsyncClient, host: str) -> None:
    headers = {"host": host, "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    for method, path, status in (
        *(("GET", "/v1", 200), ("GET", "/v1/seen/", 404), ("GET", "/v1/", 404)),
        *(("PUT", "/v1", 405), ("GET", "/v1/defect", 500)),
    ):
        answer = await http.request(method, path, headers=headers)
        assert answer.status_code == status
        assert "evil" not in answer.text
        assert "location" not in answer.headers


async def test_no_page_of_another_origin_may_read_answers(http: httpx.AsyncClient) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "GET"}
    for answer in (
        await http.get("/v1", headers={"origin": ORIGIN}),
        await http.options("/v1", headers=asked),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_pages_of_named_origins_may_and_cookies_are_never_asked_for() -> None:
    async with client_of(cors_origins=f"{ORIGIN}, https://other.example") as http:
        answer = await http.get("/v1", headers={"origin": ORIGIN})
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in answer.headers
        asked = {
            "origin": ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        }
        assert (await http.options("/v1/seen", headers=asked)).status_code == 200
        other = await http.get("/v1", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        assert (
            await http.options("/v1/seen", headers={**asked, "origin": "https://evil.example"})
        ).status_code == 400
