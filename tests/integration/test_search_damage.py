"""A file of search that is damaged or removed while it is read is made anew by itself."""

import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.query.search.projection.store import FILE
from shared.database.client import Database
from shared.database.lifecycle import settle
from shared.database.opening import open_version
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, verified
from tests.support.eventually import eventually
from tests.support.search_service import found_by, running_query

VERSIONS = 30


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
async def http(
    database: Database, settings: Settings, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    for _ in range(VERSIONS):
        opened = await open_version(database, draft("churn", description="x" * 5000))
        await settle(database, [verified(opened)])
    async with running_query(
        settings.model_copy(update={"query_search_folder": str(folder)})
    ) as found:
        yield found


def damage(path: Path) -> None:
    """Write over all but the first page, as a broken disk may."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as raw:
        size = os.fstat(raw.fileno()).st_size
        raw.seek(4096)
        raw.write(b"\x5a" * (size - 4096))


async def is_sound(http: httpx.AsyncClient) -> bool | None:
    answer = await http.get("/v1/search", params={"filter": "text HAS churn", "limit": 500})
    assert answer.status_code in (200, 503), answer.text
    return (answer.status_code == 200 and len(answer.json()["items"]) == VERSIONS) or None


async def test_a_damaged_file_is_made_anew_once_a_search_has_met_the_damage(
    http: httpx.AsyncClient, folder: Path
) -> None:
    damage(folder / "0" / FILE)
    answer = await http.get(
        "/v1/search", params={"filter": "text HAS churn", "min_sequence": "churn:1"}
    )
    assert answer.json()["code"] == "search_failed"

    async def is_mended() -> bool | None:
        return await is_sound(http)

    await eventually(is_mended)


async def test_a_file_that_is_removed_is_searched_on(http: httpx.AsyncClient, folder: Path) -> None:
    for each in (folder / "0").glob(f"{FILE}*"):
        each.unlink()
    assert len(await found_by(http, "name = churn", limit=7)) == VERSIONS
    assert await is_sound(http)
