"""Moments that UTC has not lie before or behind all that there is, wherever a request names one."""

from collections.abc import AsyncIterator

import httpx
import pytest

from shared.database.alias_moves import move_alias
from shared.database.client import Database
from shared.database.lifecycle import settle
from shared.database.opening import open_version
from shared.domain.aliases import Mover, require_ready
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, verified
from tests.support.search_service import running_query

BEFORE_ALL, BEHIND_ALL = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"


@pytest.fixture(scope="module")
async def http(database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    opened = await open_version(database, draft("churn"))
    await settle(database, [verified(opened)])
    await move_alias(database, "churn", "production", lambda _: 1, require_ready, Mover("me", ""))
    async with running_query(settings) as found:
        yield found


@pytest.mark.parametrize(
    "path", ["aliases/production", "versions/@production", "versions/@production/lineage"]
)
async def test_a_moment_of_a_parameter(http: httpx.AsyncClient, path: str) -> None:
    for at, status in ((BEFORE_ALL, 404), (BEHIND_ALL, 200)):
        answer = await http.get(f"/v1/models/churn/{path}", params={"at": at})
        assert answer.status_code == status, answer.text


async def test_a_moment_in_the_name_of_a_compared_version(http: httpx.AsyncClient) -> None:
    for at, status in ((BEFORE_ALL, 404), (BEHIND_ALL, 200)):
        versions = ["1", f"@production?at={at}"]
        answer = await http.get("/v1/models/churn/compare", params={"versions": versions})
        assert answer.status_code == status, answer.text
