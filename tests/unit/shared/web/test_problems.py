"""Refusals are problem documents that name fields as the user wrote them."""

import json
from collections.abc import AsyncIterator, MutableMapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from registry.schemas.metadata import MAX_METADATA_BYTES
from services.ingest.app import create_app
from shared.domain.access.actions import Action
from shared.domain.errors import (
    Conflict,
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    Unavailable,
)
from shared.web.access.authentication import Authenticator
from shared.web.access.caller import declares
from shared.web.access.sources import AdministratorToken
from shared.web.json_body import MAX_NAMES
from shared.web.limits import MAX_BODY_BYTES
from shared.web.problems import MOST_TOLD
from shared.web.service import add_shared_parts, make_app
from tests.support.access import ADMIN_TOKEN, BEARER
from tests.support.isolation import SETTINGS
from tests.support.problems import broken_rule, problem

FILE = {"path": "model.bin", "size_bytes": 5}
ERRORS: dict[str, Exception] = {
    "invalid": InvalidRequest("parts.0.number", "must be at most 3"),
    "reused": IdempotencyKeyReused(),
    "missing": NotFound("model_not_found", "there is no model 'x'"),
    "conflict": Conflict("upload_incomplete", "it lacks parts", missing={"a": "parts 1-2"}),
    "away": Unavailable("storage_unavailable", "object storage is unavailable"),
    "defect": RuntimeError("a secret"),
}


async def _nothing_is_missing(_: Request) -> list[str]:
    return []


async def now() -> datetime:
    return datetime.now(UTC)


def _failing_app() -> FastAPI:
    app = make_app("A service", "For tests.", None)
    add_shared_parts(app, SETTINGS, _nothing_is_missing)

    @app.get("/fail/{name}", dependencies=[declares(Action.PUBLIC)])
    async def fail(name: str) -> None:  # pyright: ignore[reportUnusedFunction]
        raise ERRORS[name]

    @app.post("/body", dependencies=[declares(Action.PUBLIC)])
    async def body(content: list[int]) -> int:  # pyright: ignore[reportUnusedFunction]
        return len(content)

    return app


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(_failing_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def ingest() -> AsyncIterator[httpx.AsyncClient]:
    """Ingest without its servers: what it refuses before it needs any."""
    app = create_app(SETTINGS)
    administrator = AdministratorToken(SecretStr(ADMIN_TOKEN))
    authenticator = Authenticator([administrator], (), now)

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        state: MutableMapping[str, Any] = {
            "context": None,
            "authenticator": authenticator,
            "audit": None,
        }
        await app({**scope, "state": state}, receive, send)

    transport = httpx.ASGITransport(with_state)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=BEARER
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "code", "members"),
    [
        (
            "invalid",
            422,
            "invalid_request",
            {"errors": [{"field": "parts.0.number", "rule": "must be at most 3"}]},
        ),
        (
            "reused",
            422,
            "idempotency_key_reused",
            {
                "errors": [
                    {"field": "Idempotency-Key", "rule": "was used with another request body"}
                ]
            },
        ),
        ("missing", 404, "model_not_found", {"detail": "there is no model 'x'"}),
        ("conflict", 409, "upload_incomplete", {"missing": {"a": "parts 1-2"}}),
        ("away", 503, "storage_unavailable", {"title": "Service unavailable"}),
        ("defect", 500, "internal_error", {"detail": "the service failed; see its log"}),
    ],
)
async def test_each_error_has_its_status_and_code(
    http: httpx.AsyncClient, name: str, status: int, code: str, members: dict[str, Any]
) -> None:
    document = problem(await http.get(f"/fail/{name}"), status, code)
    assert members.items() <= document.items()


async def test_an_absent_server_says_when_to_try_again(http: httpx.AsyncClient) -> None:
    assert (await http.get("/fail/away")).headers["retry-after"] == "2"


async def test_the_frameworks_own_refusals_are_problems_too(http: httpx.AsyncClient) -> None:
    problem(await http.get("/nothing"), 404, "not_found")
    answer = await http.put("/body")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_refused_method_is_told_every_method_of_the_path(ingest: httpx.AsyncClient) -> None:
    answer = await ingest.put("/v1/uploads/1")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET"


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
async def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read(
    http: httpx.AsyncClient, chunked: bool
) -> None:
    def content(size: int) -> bytes | AsyncIterator[bytes]:
        padded = b"[1]".ljust(size)

        async def chunks() -> AsyncIterator[bytes]:
            yield padded[:1000]
            yield padded[1000:]

        return chunks() if chunked else padded

    json_type = {"content-type": "application/json"}
    answer = await http.post("/body", content=content(MAX_BODY_BYTES), headers=json_type)
    assert (answer.status_code, answer.json()) == (200, 1)
    answer = await http.post("/body", content=content(MAX_BODY_BYTES + 1), headers=json_type)
    problem(answer, 413, "body_too_large")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"files": [FILE]}, "model"),
        ({"model": "a/b", "files": [FILE]}, "model"),
        ({"model": "a", "files": [FILE, {**FILE, "path": "../x"}]}, "files.1.path"),
        ({"model": "a", "files": [FILE], "metrics": {"accuracy": "good"}}, "metrics.accuracy"),
        ({"model": "a", "files": [FILE], "metrics": {"accuracy": "1.5"}}, "metrics.accuracy"),
        ({"model": "a", "files": [FILE], "metrics": {"accuracy": True}}, "metrics.accuracy"),
        ({"model": "a", "files": [{**FILE, "size_bytes": "5"}]}, "files.0.size_bytes"),
        ({"model": "a", "files": [{**FILE, "size_bytes": True}]}, "files.0.size_bytes"),
        ({"model": "a", "files": [FILE], "colour": "red"}, "colour"),
        ({"model": "a", "files": [FILE, FILE]}, "body"),
        ([], "body"),
    ],
    ids=str,
)
async def test_a_field_is_named_as_the_user_wrote_it(
    ingest: httpx.AsyncClient, body: object, field: str
) -> None:
    rule = broken_rule(await ingest.post("/v1/uploads", json=body), field)
    assert not rule.startswith("Value error")


async def test_a_header_is_named_by_its_name(ingest: httpx.AsyncClient) -> None:
    answer = await ingest.post(
        "/v1/uploads",
        json={"model": "a", "files": [FILE]},
        headers={"Idempotency-Key": "with space"},
    )
    assert "pattern" in broken_rule(answer, "Idempotency-Key")


async def test_every_wrong_field_is_named_and_the_detail_says_the_first_few(
    ingest: httpx.AsyncClient,
) -> None:
    files = [{"path": f"{number}", "size_bytes": 0} for number in range(8)]
    answer = await ingest.post("/v1/uploads", json={"model": "a", "files": files})
    document = problem(answer, 422, "invalid_request")
    fields = [error["field"] for error in document["errors"]]
    assert fields == [f"files.{number}.size_bytes" for number in range(8)]
    assert document["detail"].count("files.") == 5


async def test_of_very_many_wrong_fields_the_first_ones_are_named(
    ingest: httpx.AsyncClient,
) -> None:
    files = [{"path": f"{number}", "size_bytes": 0} for number in range(1000)]
    answer = await ingest.post("/v1/uploads", json={"model": "a", "files": files})
    named = [error["field"] for error in problem(answer, 422, "invalid_request")["errors"]]
    assert named == [f"files.{number}.size_bytes" for number in range(MOST_TOLD)]


async def test_a_body_of_more_names_than_any_request_has_is_not_looked_through(
    ingest: httpx.AsyncClient,
) -> None:
    """Each of them could be a wrong field of its own, a kilobyte or two of memory."""
    unknown = {str(number): 0 for number in range(MAX_NAMES // 4)}
    spread = {"model": "a", "files": [unknown] * 5}
    for body in ({str(number): 0 for number in range(MAX_NAMES + 1)}, spread):
        answer = await ingest.post("/v1/uploads", json=body)
        assert "names" in broken_rule(answer, "body")


async def test_a_body_may_have_as_many_names_as_there_is_room_for_metadata(
    ingest: httpx.AsyncClient,
) -> None:
    many = {"a": [{"a": 0}] * (MAX_METADATA_BYTES // 9)}
    body = {"model": "a", "files": [FILE, FILE], "parameters": many}
    answer = await ingest.post("/v1/uploads", json=body)
    assert "distinct paths" in broken_rule(answer, "body")


async def test_the_values_that_broke_a_rule_are_not_repeated(ingest: httpx.AsyncClient) -> None:
    body = {"model": "a", "files": [FILE], "client_id": ["a secret"]}
    answer = await ingest.post("/v1/uploads", json=body)
    assert "a secret" not in json.dumps(answer.json())


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_of_another_type_is_told_which_one_is_needed(
    ingest: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = await ingest.post("/v1/uploads", content=b'{"model": "a"}', headers=headers)
    assert "application/json" in problem(answer, 415, "content_type_not_json")["detail"]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'{"model": "a", "model": "b", "files": []}', "the key 'model' stands twice"),
        (b'{"model": "a", "files": [{"path": "x", "path": "y"}]}', "the key 'path' stands twice"),
        (b'{"model": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"model": ' + b" " * 100_000 + b"}", "Expecting value"),
        (b'{"model": ' + b"1" * 5000 + b"}", "too many digits"),
    ],
    ids=["twice", "twice inside", "no UTF-8", "deep", "long", "digits"],
)
async def test_json_that_readers_could_read_differently_is_refused(
    ingest: httpx.AsyncClient, body: bytes, rule: str
) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    answer = await ingest.post("/v1/uploads", content=body, headers=headers)
    assert rule in broken_rule(answer, "body")
