"""What query hands on to ingest, and what comes back of it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from services.query.forwarding import MAX_ANSWER_BYTES, MAX_TARGET_CHARACTERS, Forwarding
from shared.web.problems import answer_problems

Answer = Callable[[httpx.Request], httpx.Response]
SENT = {"Authorization": "Bearer t", "If-Match": '"3"', "Cookie": "mine", "X-Request-ID": "from-me"}


@asynccontextmanager
async def query_before(
    ingest: Answer, path: str | None = None
) -> AsyncGenerator[httpx.AsyncClient]:
    """Serve an app that hands everything on to this ingest."""
    app = FastAPI()
    answer_problems(app)
    transport = httpx.MockTransport(ingest)
    async with httpx.AsyncClient(base_url="http://ingest/below", transport=transport) as client:
        forwarding = Forwarding(client)

        async def forward(request: Request) -> Response:
            request.state.request_id = "r-1"
            return await forwarding.forward(request, path, headers={"X-Prefix": "/mlflow"})

        app.add_api_route("/{rest:path}", forward, methods=["GET", "POST", "PATCH"])
        served = httpx.ASGITransport(app, client=("192.0.2.9", 1))
        async with httpx.AsyncClient(base_url="http://query", transport=served) as caller:
            yield caller


async def test_ingest_is_asked_what_query_was_asked_by_whom_query_was_asked() -> None:
    asked: list[httpx.Request] = []

    def ingest(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    async with query_before(ingest) as query:
        await query.patch("/a%2Fb?c=d%20e", content=b"body", headers=SENT)
    (request,) = asked
    assert (request.method, request.read()) == ("PATCH", b"body")
    assert request.url.raw_path == b"/below/a%2Fb?c=d%20e"
    told = {name: request.headers.get(name) for name in ("authorization", "if-match", "cookie")}
    assert told == {"authorization": "Bearer t", "if-match": '"3"', "cookie": None}
    assert request.headers["x-forwarded-for"] == "192.0.2.9"
    assert request.headers["x-request-id"] == "r-1"
    assert request.headers["x-prefix"] == "/mlflow"


async def test_a_route_can_name_another_path_at_ingest() -> None:
    def ingest(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"path": request.url.path})

    async with query_before(ingest, "/v1/other") as query:
        assert (await query.get("/this")).json() == {"path": "/below/v1/other"}


async def test_a_header_of_any_bytes_is_handed_on_as_it_came() -> None:
    asked: list[httpx.Request] = []

    def ingest(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    async with query_before(ingest) as query:
        answer = await query.post("/a", headers=[(b"Content-Type", b"text/\xe9")])
    assert answer.status_code == 200
    assert (b"content-type", b"text/\xe9") in asked[0].headers.raw


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/v1/hub/models/a/commit/..", "must have no . or .. between slashes"),
        ("/mlflow/./a?b=c", "must have no . or .. between slashes"),
        (f"/v1/{'a' * MAX_TARGET_CHARACTERS}", "must be at most"),
    ],
)
async def test_a_path_that_would_come_to_ingest_as_another_one_is_refused(
    path: str, rule: str
) -> None:
    def ingest(_: httpx.Request) -> httpx.Response:
        pytest.fail("ingest was asked")

    async with query_before(ingest, path) as query:
        answer = await query.post("/a")
    assert answer.status_code == 422
    assert rule in answer.json()["detail"]


async def test_ingests_answer_is_passed_on_without_what_belongs_to_its_connection() -> None:
    def ingest(_: httpx.Request) -> httpx.Response:
        headers = {"X-Error-Code": "GatedRepo", "X-Request-ID": "theirs", "Date": "then"}
        return httpx.Response(403, json={"error": "no"}, headers=headers)

    async with query_before(ingest) as query:
        answer = await query.post("/a")
    assert (answer.status_code, answer.json()) == (403, {"error": "no"})
    assert answer.headers["x-error-code"] == "GatedRepo"
    assert not {"x-request-id", "date"} & set(answer.headers)


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (httpx.ConnectError("refused"), 503, "ingest_unavailable"),
        (httpx.ReadTimeout("slow"), 503, "ingest_unavailable"),
        (httpx.PoolTimeout("full"), 429, "too_many_requests"),
    ],
)
async def test_an_ingest_that_does_not_answer_is_told_as_such(
    failure: httpx.HTTPError, status: int, code: str
) -> None:
    def ingest(_: httpx.Request) -> httpx.Response:
        raise failure

    async with query_before(ingest) as query:
        answer = await query.post("/a")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert int(answer.headers["retry-after"]) > 0


async def test_an_answer_without_a_bound_is_not_taken_in() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2):
            yield bytes(MAX_ANSWER_BYTES // 2 + 1)
        pytest.fail("it was read on")

    def ingest(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless())

    async with query_before(ingest) as query:
        assert (await query.post("/a")).status_code == 503
