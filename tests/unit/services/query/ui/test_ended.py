"""Where ingest does not take a session, only one that is over is sent to sign in."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import Response

from services.query.ui.acts.asking import asked
from services.query.ui.calls import Call
from services.query.ui.operators.handing import ask_ingest
from services.query.ui.uploading import read_upload
from shared.domain.access.browser_sessions import SessionText
from shared.domain.access.principals import Principal
from shared.domain.errors import Unauthenticated, Unavailable
from shared.web.access.authentication import Authenticator

SESSION = SessionText.new()
AUTHORIZATION = f"Bearer {SESSION}"
REFUSED = Response(json.dumps({"code": "unauthenticated", "detail": "no"}), 401)


class Sessions:
    """Knows one session until it is over."""

    is_over = False

    async def principal_of(self, credential: str) -> Principal | None:
        is_right = credential == str(SESSION) and not self.is_over
        return Principal("token:1", "token", "ci", ()) if is_right else None


async def now() -> datetime:
    return datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
async def request_of_page(sessions: Sessions) -> Request:
    """A request of a page whose session was found right a moment ago."""
    authenticator = Authenticator([sessions], [], now)
    await authenticator.identify(AUTHORIZATION)
    state = {"session": SESSION, "authenticator": authenticator}
    headers = [
        (b"authorization", AUTHORIZATION.encode()),
        (b"x-form-key", SESSION.form_key.encode()),
    ]
    return Request({"type": "http", "headers": headers, "state": state})


def ingest(*, is_gone: bool = False) -> Any:
    """An ingest that takes no session; where it is gone, query does not get that far."""

    async def ask(*_: object) -> Response:
        if is_gone:
            raise Unauthenticated
        return REFUSED

    return SimpleNamespace(ingest=SimpleNamespace(ask=ask, forward=ask))


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_session_that_is_over_is_sent_to_sign_in_and_counts_here_no_more(
    sessions: Sessions, request_of_page: Request, is_gone: bool
) -> None:
    sessions.is_over = True
    context, call = ingest(is_gone=is_gone), Call("PUT", "/v1/a")
    with pytest.raises(Unauthenticated):
        await asked(request_of_page, context, lambda: call)
    authenticator: Authenticator = request_of_page.state.authenticator
    with pytest.raises(Unauthenticated):  # else the page of signing in led back at once
        await authenticator.identify(AUTHORIZATION)


async def test_a_session_that_counts_here_is_told_that_ingest_does_not_take_it(
    request_of_page: Request,
) -> None:
    context, call = ingest(), Call("PUT", "/v1/a")
    refusal = await asked(request_of_page, context, lambda: call)
    assert refusal is not None
    assert (refusal.status, refusal.code) == (503, "session_not_taken")
    assert not refusal.is_unknown
    for answer in (
        ask_ingest(request_of_page, context, Call("GET", "/v1/tokens")),
        read_upload("a", request_of_page, context, context),
    ):
        with pytest.raises(Unavailable) as caught:
            await answer
        assert caught.value.code == "session_not_taken"
