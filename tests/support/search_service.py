"""Query in this process, asked over HTTP without a network: its search and what it is made from."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from services.query.app import create_app
from shared.database.client import Database
from shared.domain.records import VersionRecord
from shared.runtime.settings import Settings
from tests.support.access import bearer
from tests.support.eventually import eventually
from tests.support.search_oracle import models_of


class _WithState:
    """Gives each request what the start of the app has opened, as a server does."""

    def __init__(self, app: ASGIApp, state: dict[str, Any]) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = dict(self._state)
        await self._app(scope, receive, send)


@asynccontextmanager
async def running_query(settings: Settings) -> AsyncGenerator[httpx.AsyncClient]:
    """Run query with these settings, and return once its search has loaded."""
    app = create_app(settings)
    async with app.router.lifespan_context(app) as state:
        transport = httpx.ASGITransport(_WithState(app, dict(state or {})))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://query", headers=bearer(settings), timeout=60
        ) as http:
            await until_search_is_up(http)
            yield http


async def until_search_is_up(http: httpx.AsyncClient) -> None:
    """Wait until this query has loaded what it searches."""

    async def is_up() -> bool | None:
        return (await http.get("/health/search")).status_code == 200 or None

    await eventually(is_up)


async def insert_versions(database: Database, records: Sequence[VersionRecord]) -> None:
    """Store versions with their models, as the services would have left them."""
    for start in range(0, len(records), 500):
        part = records[start : start + 500]
        await database.versions.insert_many([each.model_dump(by_alias=True) for each in part])
    await database.models.insert_many(models_of(records))


async def found_by(
    http: httpx.AsyncClient, text: str, order: Sequence[str] = (), limit: int = 50, **more: Any
) -> list[dict[str, Any]]:
    """What all pages of a search have, in order."""
    items: list[dict[str, Any]] = []
    params: dict[str, Any] = {"filter": text, "order_by": list(order), "limit": limit, **more}
    while True:
        answer = await http.get("/v1/search", params=params)
        assert answer.status_code == 200, (text, answer.text)
        page: dict[str, Any] = orjson.loads(answer.content)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]
