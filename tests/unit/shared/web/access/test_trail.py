"""What the audit is told of a request: enough to know who did what, and no secret."""

from collections.abc import AsyncIterator, MutableMapping
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from shared.domain.access.actions import Action
from shared.domain.access.audit import AuditRecord, Change, ChangeEnd, bounded
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.errors import Conflict, Unavailable
from shared.web.access.authentication import Authenticator
from shared.web.access.caller import Caller, declares
from shared.web.rates import Rate
from shared.web.service import add_shared_parts, make_app
from tests.support.isolation import SETTINGS

SECRET = "5ec2e7" * 10
ID = "0123456789abcdef"


class FakeAudit:
    """Keeps in memory what it is told, in place of the database."""

    def __init__(self) -> None:
        self.begun: list[AuditRecord] = []
        self.ends: dict[str, ChangeEnd] = {}
        self.refusals: list[AuditRecord] = []
        self.unnamed = 0
        self.is_away = False

    async def begin(self, entry: AuditRecord) -> None:
        if self.is_away:
            raise Unavailable("database_unavailable", "away")
        self.begun.append(entry)

    def ended(self, entry_id: str, ending: ChangeEnd) -> None:
        self.ends[entry_id] = ending

    def refused(self, entry: AuditRecord) -> None:
        self.refusals.append(entry)

    def refused_unnamed(self) -> None:
        self.unnamed += 1

    @property
    def last(self) -> tuple[str, str, str, str, str]:
        [entry] = self.refusals
        return entry.principal, entry.action, entry.model, entry.subject, entry.outcome


class Source:
    """Knows the reader of risk.* alone."""

    async def principal_of(self, credential: str) -> Principal | None:
        if credential != "reader":
            return None
        return Principal("token:7", "token", "r", (Grant("reader", "risk.*"),))


async def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


async def _ready(_: Request) -> list[str]:
    return []


class Changes:
    """A route that changes something, in a way that the test wants."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.error: Exception | None = None


def service(changes: Changes) -> FastAPI:
    app = make_app("A service", "For tests.", None)

    @app.get("/v1/models/{model}")
    async def read(  # pyright: ignore[reportUnusedFunction]
        model: str, caller: Annotated[Caller, declares(Action.READ)]
    ) -> str:
        return model

    @app.post("/v1/models/{model}")
    async def write(  # pyright: ignore[reportUnusedFunction]
        model: str, caller: Annotated[Caller, declares(Action.READ)]
    ) -> str:
        async with caller.audited(Change.OPEN_UPLOAD, model) as making:
            if changes.error is not None:
                raise changes.error
            changes.made.append(model)
            making.subject = "version:1"
        return model

    @app.delete("/v1/models/{model}")
    async def remove(  # pyright: ignore[reportUnusedFunction]
        model: str, caller: Annotated[Caller, declares(Action.UPLOAD)]
    ) -> None: ...

    @app.get("/v1/tokens")
    async def manage(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, declares(Action.MANAGE_TOKENS)],
    ) -> None:
        caller.require_somewhere()

    add_shared_parts(app, SETTINGS, _ready)
    return app


@pytest.fixture
def kept() -> FakeAudit:
    return FakeAudit()


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
async def http(kept: FakeAudit, changes: Changes) -> AsyncIterator[httpx.AsyncClient]:
    app = service(changes)
    authenticator = Authenticator([Source()], (), now, wrong=Rate(0.001, 2))

    async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
        state: MutableMapping[str, Any] = {"audit": kept, "authenticator": authenticator}
        await app({**scope, "state": state}, receive, send)

    transport = httpx.ASGITransport(with_state, client=("192.0.2.9", 1), raise_app_exceptions=False)
    headers = {"authorization": "Bearer reader", "x-request-id": "asked-1"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client


NOBODY = {"authorization": ""}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "told"),
    [
        ("GET", "risk.a", NOBODY, 401, ("anonymous", "model.read", "risk.a", "unauthenticated")),
        ("GET", "other", {}, 404, ("token:7", "model.read", "other", "hidden")),
        ("DELETE", "risk.a", {}, 403, ("token:7", "upload.open", "risk.a", "forbidden")),
    ],
)
async def test_each_refusal_is_told_with_who_what_and_why(
    http: httpx.AsyncClient,
    kept: FakeAudit,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    told: tuple[str, ...],
) -> None:
    answer = await http.request(method, f"/v1/models/{path}", headers=headers)
    assert answer.status_code == status
    principal, action, model, _, outcome = kept.last
    assert (principal, action, model, outcome) == told
    [entry] = kept.refusals
    assert (entry.address, entry.request_id) == ("192.0.2.9", "asked-1")


async def test_a_refusal_that_concerns_no_model_is_told_too(
    http: httpx.AsyncClient, kept: FakeAudit
) -> None:
    assert (await http.get("/v1/tokens")).status_code == 403
    assert kept.last == ("token:7", "token.manage", "", "", "forbidden")


async def test_what_is_allowed_and_what_anybody_may_is_not_told(
    http: httpx.AsyncClient, kept: FakeAudit
) -> None:
    for path in ("/v1/models/risk.a", "/v1", "/health/live", "/v1/me"):
        assert (await http.get(path)).status_code == 200
    assert kept.refusals == []


@pytest.mark.parametrize(
    ("credential", "subject"),
    [
        (f"Bearer mr_{ID}_{SECRET}", f"token:{ID}"),
        (f"bearer  mr_up{ID}{ID}_{SECRET}", f"token:up{ID}{ID}"),
        (f"Bearer mr_{SECRET}_{SECRET}", ""),
        (f"Bearer {SECRET}", ""),
        (f"Basic mr_{ID}_{SECRET}", ""),
        ("Bearer mr_" + "0" * 5000, ""),
    ],
)
async def test_a_credential_that_does_not_count_is_told_by_its_id_alone(
    http: httpx.AsyncClient, kept: FakeAudit, credential: str, subject: str
) -> None:
    answer = await http.get("/v1/models/risk.a", headers={"authorization": credential})
    assert answer.status_code == 401
    assert kept.last == ("anonymous", "model.read", "risk.a", subject, "unauthenticated")
    assert SECRET not in repr(kept.refusals)


async def test_credentials_that_nobody_was_asked_about_are_counted(
    http: httpx.AsyncClient, kept: FakeAudit
) -> None:
    for number in range(5):
        await http.get("/v1/me", headers={"authorization": f"Bearer {number}"})
    assert (len(kept.refusals), kept.unnamed) == (2, 3)


async def test_a_change_is_told_before_it_is_made_and_how_it_ended(
    http: httpx.AsyncClient, kept: FakeAudit, changes: Changes
) -> None:
    assert (await http.post("/v1/models/risk.a")).status_code == 200
    [entry] = kept.begun
    assert (entry.principal, entry.action, entry.model) == ("token:7", "upload.open", "risk.a")
    assert (entry.outcome, entry.address, entry.request_id) == ("allowed", "192.0.2.9", "asked-1")
    end = kept.ends[entry.id]
    assert (end.outcome, end.subject) == ("done", "version:1")
    assert changes.made == ["risk.a"]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Conflict("version_exists", "it is there"), "version_exists"), (KeyError(), "internal_error")],
)
async def test_a_change_that_failed_is_told_with_its_code(
    http: httpx.AsyncClient, kept: FakeAudit, changes: Changes, error: Exception, outcome: str
) -> None:
    changes.error = error
    assert (await http.post("/v1/models/risk.a")).status_code >= 400
    assert [each.outcome for each in kept.ends.values()] == [outcome]


async def test_nothing_is_changed_where_it_cannot_be_told(
    http: httpx.AsyncClient, kept: FakeAudit, changes: Changes
) -> None:
    kept.is_away = True
    assert (await http.post("/v1/models/risk.a")).status_code == 503
    assert changes.made == []


async def test_texts_are_bounded_and_printable_whatever_is_asked(
    http: httpx.AsyncClient, kept: FakeAudit
) -> None:
    await http.get("/v1/models/" + "x" * 10_000)
    await http.get("/v1/models/%1b[2J%0aroot%00%ed%a0%80")
    first, second = kept.refusals
    assert len(first.model) == 256
    assert second.model.isprintable()
    assert second.model.startswith("\N{REPLACEMENT CHARACTER}[2J")
    assert bounded("a\ud800b") == "a\N{REPLACEMENT CHARACTER}b"
