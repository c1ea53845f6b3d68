"""A start verifies the indexes, builds those of small collections, and waits for an operator."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.admin.migrate import migrate
from services.indexer.context import Context
from shared.database import indexes
from shared.database.client import Database, open_database
from shared.database.errors import DatabaseUnavailable
from shared.database.indexes import IndexesMissing, build_indexes, verify_indexes, wanted_indexes
from shared.runtime.startup import Preparation
from tests.integration.rig import opened_rig
from tests.support.eventually import eventually
from tests.support.isolation import isolated, settings_of
from tests.support.servers import Addresses

ALL = sum(len(each) for each in wanted_indexes().values())


@pytest.fixture
async def new(addresses: Addresses) -> AsyncIterator[Database]:
    """A database without any collection."""
    async with open_database(settings_of(isolated(addresses))) as opened:
        yield opened


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "SMALL_COLLECTION", 0)


async def names(database: Database) -> set[str]:
    found = await database.versions.driver.index_information()
    return set(found)


async def test_a_start_builds_the_indexes_of_small_collections(new: Database) -> None:
    await verify_indexes(new)
    before = await names(new)
    assert len(before) == 1 + len(wanted_indexes()["versions"])
    await verify_indexes(new)
    assert await names(new) == before


@pytest.mark.usefixtures("everything_is_large")
async def test_a_start_leaves_large_collections_to_an_operator(new: Database) -> None:
    with pytest.raises(IndexesMissing, match=r"versions\.model_1_number_-1.*admin migrate"):
        await verify_indexes(new)
    assert await names(new) == set()


@pytest.mark.usefixtures("everything_is_large")
async def test_readiness_says_what_to_do_until_it_is_done(new: Database) -> None:
    preparation = Preparation("indexes")

    async def verify() -> None:
        await verify_indexes(new)

    async def waits_for_the_operator() -> bool | None:
        return preparation.waits_for == "indexes (run: python -m services.admin migrate)" or None

    errors = (DatabaseUnavailable, IndexesMissing)
    starting = asyncio.create_task(preparation.run(verify, errors=errors))
    await eventually(waits_for_the_operator)
    built, present = await build_indexes(new)
    assert (len(built), present) == (ALL, [])
    await starting
    assert preparation.waits_for == ""


async def test_a_defect_of_the_start_leaves_the_service_not_ready() -> None:
    preparation = Preparation("indexes")

    async def broken() -> None:
        raise ZeroDivisionError

    await preparation.run(broken, errors=(DatabaseUnavailable,))
    assert preparation.waits_for == "indexes (failed: ZeroDivisionError)"


async def test_an_index_that_is_not_as_it_must_be_counts_as_missing(new: Database) -> None:
    await new.versions.driver.create_index([("artifacts.key", 1)])  # two versions could own a key
    with pytest.raises(IndexesMissing, match=r"versions: .*artifacts\.key"):
        await verify_indexes(new)


async def test_a_migration_builds_what_is_missing_and_tells_it(addresses: Addresses) -> None:
    async with opened_rig(addresses) as rig:
        context: Context = rig.indexer
        drop: Any = context.database.versions.driver.drop_index
        await drop("artifacts.key_1")
        report = await migrate(context)
        assert report.built == ["versions.artifacts.key_1"]
        assert len(report.present) == ALL - 1
        again = await migrate(context)
        assert (again.built, len(again.present)) == ([], ALL)
