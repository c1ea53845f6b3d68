"""A record that search cannot hold keeps none of the others from being found."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared.database.client import Database
from shared.database.lifecycle import settle
from shared.database.opening import open_version
from shared.domain.records import VersionRecord
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, verified
from tests.support.search_service import found_by, running_query

STRANGE: dict[str, Any] = {"state": "as a later release has it"}


async def made_ready(database: Database, model: str) -> VersionRecord:
    opened = await open_version(database, draft(model))
    [settled] = await settle(database, [verified(opened)])
    return settled


@pytest.fixture(scope="module")
async def strange(database: Database) -> VersionRecord:
    found = await made_ready(database, "churn")
    await database.versions.driver.update_one({"_id": found.id}, {"$set": STRANGE})
    return found


@pytest.fixture(scope="module")
async def http(
    database: Database, settings: Settings, strange: VersionRecord
) -> AsyncIterator[httpx.AsyncClient]:
    await made_ready(database, "fraud")
    async with running_query(settings) as found:
        yield found


async def test_all_others_are_loaded(http: httpx.AsyncClient) -> None:
    assert [each["model"] for each in await found_by(http, "")] == ["fraud"]


async def test_the_next_events_of_its_model_are_found(
    http: httpx.AsyncClient, database: Database, strange: VersionRecord
) -> None:
    second = await made_ready(database, "churn")
    seen = f"churn:{second.sequence}"
    assert [each["number"] for each in await found_by(http, "name = churn", min_sequence=seen)] == [
        2
    ]
    await database.versions.driver.update_one({"_id": second.id}, {"$set": STRANGE})
    third = await made_ready(database, "churn")
    seen = f"churn:{third.sequence}"
    assert 3 in [each["number"] for each in await found_by(http, "name = churn", min_sequence=seen)]
