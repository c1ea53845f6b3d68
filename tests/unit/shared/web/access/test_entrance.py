"""Whose body is read: nobody's who may send none, whatever stands in it."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.types import Receive, Scope, Send

from shared.domain.access.actions import Action
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.errors import Unavailable
from shared.web.access.authentication import Authenticator
from shared.web.access.caller import Caller, declares
from shared.web.access.entrance import may_send
from shared.web.json_body import JsonRoute
from shared.web.rates import Rate
from shared.web.service import add_shared_parts, make_app
from tests.support.isolation import SETTINGS
from tests.support.problems import problem

BAD_BODIES = [
    (b"{", "application/json"),
    (b'{"a": 1, "a": 1}', "application/json"),
    (b'"no object"', "application/json"),
    (b"text", "text/plain"),
]


class Source:
    """Knows one writer; "away" is what nobody can say anything of."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def principal_of(self, credential: str) -> Principal | None:
        self.asked.append(credential)
        if credential == "away":
            raise Unavailable("database_unavailable", "away")
        if credential != "writer":
            return None
        return Principal("token:7", "token", "w", (Grant("writer", "*"),))


class Asked:
    """A service with one route for a body, and who may ask it without a credential."""

    def __init__(self, *anonymous: str) -> None:
        self.source = Source()
        self.given: list[dict[str, int]] = []
        authenticator = Authenticator(
            [self.source], [Grant.parse(each) for each in anonymous], _now, wrong=Rate(0.001, 3)
        )
        app = self._app()
        audit = SimpleNamespace(refused=lambda _: None, refused_unnamed=lambda: None)  # pyright: ignore[reportUnknownLambdaType]

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            state: MutableMapping[str, Any] = {"audit": audit, "authenticator": authenticator}
            await app({**scope, "state": state}, receive, send)

        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(with_state, raise_app_exceptions=False),
            base_url="http://test",
        )

    def _app(self) -> FastAPI:
        app = make_app("A service", "For tests.", None)
        router = APIRouter(route_class=JsonRoute)

        @router.post("/v1/things")
        async def make(  # pyright: ignore[reportUnusedFunction]
            content: dict[str, int], caller: Annotated[Caller, declares(Action.UPLOAD)]
        ) -> str:
            self.given.append(content)
            return caller.principal.id

        app.include_router(router)
        add_shared_parts(app, SETTINGS, _nothing)
        return app

    async def post(self, credential: str, content: Any, kind: str = "application/json") -> Any:
        headers = {"content-type": kind}
        if credential:
            headers["authorization"] = f"Bearer {credential}"
        return await self.http.post("/v1/things", content=content, headers=headers)


async def _now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


async def _nothing(_: Request) -> list[str]:
    return []


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    found = Asked()
    async with found.http:
        yield found


async def unread() -> AsyncIterator[bytes]:
    raise AssertionError("nothing is read")
    yield b""


@pytest.mark.parametrize(("body", "kind"), BAD_BODIES)
@pytest.mark.parametrize("credential", ["", "wrong"])
async def test_who_is_nobody_is_told_so_whatever_the_body_is(
    asked: Asked, credential: str, body: bytes, kind: str
) -> None:
    problem(await asked.post(credential, body, kind), 401, "unauthenticated")


@pytest.mark.parametrize("credential", ["", "wrong"])
async def test_the_body_of_nobody_is_not_read(asked: Asked, credential: str) -> None:
    problem(await asked.post(credential, unread()), 401, "unauthenticated")


async def test_the_body_of_who_is_known_is_read(asked: Asked) -> None:
    assert (await asked.post("writer", b'{"a": 1}')).json() == "token:7"
    assert asked.given == [{"a": 1}]
    for body, kind in BAD_BODIES:
        assert (await asked.post("writer", body, kind)).status_code in (415, 422)


async def test_reading_without_a_credential_sends_nothing() -> None:
    async with (reading := Asked("reader:public.*")).http:
        problem(await reading.post("", unread()), 401, "unauthenticated")
    async with (writing := Asked("writer:public.*")).http:
        assert (await writing.post("", b'{"a": 1}')).json() == "anonymous"


async def test_what_nobody_can_say_is_asked_once_and_its_body_is_not_read(asked: Asked) -> None:
    problem(await asked.post("away", unread()), 503, "database_unavailable")
    assert asked.source.asked == ["away"]


async def test_who_brings_too_many_wrong_ones_has_no_body_read(asked: Asked) -> None:
    for number in range(3):
        problem(await asked.post(f"wrong-{number}", unread()), 401, "unauthenticated")
    problem(await asked.post("wrong-3", unread()), 429, "too_many_wrong_credentials")


async def test_a_verdict_from_before_a_slow_body_is_asked_for_again(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was revoked while a body came, slowly, changes nothing any more."""
    monkeypatch.setattr("shared.web.access.authentication.VERDICT_SECONDS", 0.0)
    revoked = asyncio.Event()

    async def principal_of(credential: str) -> Principal | None:
        if revoked.is_set():
            return None
        return Principal("token:7", "token", "w", (Grant("writer", "*"),))

    monkeypatch.setattr(asked.source, "principal_of", principal_of)

    async def slowly() -> AsyncIterator[bytes]:
        revoked.set()
        yield b'{"a": 1}'

    problem(await asked.post("writer", slowly()), 401, "unauthenticated")
    assert asked.given == []


@pytest.mark.parametrize(
    ("anonymous", "path", "is_read"),
    [
        ("reader:public.*", "/api/models/public/churn/paths-info/main", True),
        ("reader:public.*", "/api/models/public/churn/commit/main", False),
        ("reader:public.*", "/v1/uploads", False),
        ("", "/api/models/public/churn/paths-info/main", False),
    ],
)
async def test_where_reading_takes_a_body_anybody_who_may_read_can_send_one(
    anonymous: str, path: str, is_read: bool
) -> None:
    grants = [Grant.parse(anonymous)] if anonymous else []
    authenticator = Authenticator([], grants, _now)
    scope: Scope = {"type": "http", "path": path, "headers": [], "state": {}}
    scope["state"]["authenticator"] = authenticator
    assert await may_send(scope) is is_read


@pytest.mark.parametrize(
    ("length", "is_read"),
    [("120", True), ("16385", False), ("0000000004000000", False), ("", False), ("1,2", False)],
)
async def test_the_form_that_signs_in_is_read_within_its_bound(length: str, is_read: bool) -> None:
    state = {"authenticator": Authenticator([], [], _now), "browser_sessions": object()}
    headers = [(b"content-length", length.encode())]
    scope: Scope = {"type": "http", "path": "/ui/sign-in", "headers": headers, "state": state}
    assert await may_send(scope) is is_read


async def test_a_service_without_sessions_reads_no_such_form() -> None:
    state = {"authenticator": Authenticator([], [], _now)}
    headers = [(b"content-length", b"120")]
    scope: Scope = {"type": "http", "path": "/ui/sign-in", "headers": headers, "state": state}
    assert not await may_send(scope)
