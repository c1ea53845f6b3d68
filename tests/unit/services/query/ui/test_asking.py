"""What a form is told of ingest's answer, and whether sending it again is the same sending."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import Response

from services.query.ui.acts.asking import Refusal, asked, next_once
from services.query.ui.calls import Call
from services.query.ui.rendering import page
from shared.domain.errors import InvalidRequest, RegistryError, TooManyRequests, Unavailable

SENT = {"once": "0" * 32}


def problem(status: int, **members: Any) -> Response:
    return Response(json.dumps({"code": "a", "detail": "b", **members}), status)


async def told(answer: Response | RegistryError) -> Refusal | None:
    """What a form is told where ingest answers so."""

    async def ask(*_: object) -> Response:
        if isinstance(answer, RegistryError):
            raise answer
        return answer

    context: Any = SimpleNamespace(ingest=SimpleNamespace(ask=ask))
    return await asked(Request({"type": "http"}), context, lambda: Call("PUT", "/v1/a"))


@pytest.mark.parametrize(
    "answer",
    [
        Unavailable("ingest_unavailable", "ingest does not answer; try again"),
        problem(500),
        problem(503),
        Response("<h1>Bad Gateway</h1>", 502),
        Response("", 504),
        Response("[1]", 400),
        Response('{"code": "a", "detail": "b", "errors": ["c"]}', 422),
        Response("", 302),
    ],
)
async def test_without_an_answer_of_ingests_nobody_knows_whether_it_was_done(
    answer: Response | RegistryError,
) -> None:
    refusal = await told(answer)
    assert refusal is not None
    assert refusal.is_unknown
    assert refusal.status >= 500
    assert next_once(refusal, SENT) == SENT["once"]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422])
async def test_what_ingest_refused_was_not_done_and_the_next_form_is_another_one(
    status: int,
) -> None:
    refusal = await told(problem(status, errors=[{"field": "x", "rule": "must be y"}]))
    assert refusal is not None
    assert refusal == Refusal(status, "a", "b", [{"field": "x", "rule": "must be y"}])
    assert not refusal.is_unknown
    assert next_once(refusal, SENT) not in ("", SENT["once"])


async def test_a_form_that_is_not_heard_stays_the_form_that_may_have_been_heard_before() -> None:
    for answer in (TooManyRequests("a", "b"), problem(429)):
        refusal = await told(answer)
        assert refusal is not None
        assert not refusal.is_unknown
        assert next_once(refusal, SENT) == SENT["once"]


async def test_what_is_done_and_what_is_wrong_before_ingest_is_asked() -> None:
    assert await told(Response("", 204)) is None
    refusal = await told(InvalidRequest("reason", "must be short"))
    assert refusal is not None
    assert not refusal.is_unknown
    assert next_once(None, {}) != next_once(None, {})


def test_a_page_does_not_say_that_nothing_was_changed_where_nobody_knows() -> None:
    values: dict[str, Any] = {"model": "m", "alias": "a", "proposals": [], "is_there": False}
    for is_unknown in (True, False):
        refusal = Refusal(502, "no_answer", "<b>", is_unknown=is_unknown)
        text = bytes(page("acts/alias_acts.html", {**values, "refusal": refusal}).body).decode()
        assert ("It is not known whether it was done" in text) is is_unknown
        assert ("it is done once" in text) is is_unknown
        assert ("Nothing was changed" in text) is not is_unknown
        assert "<b>" not in text
