"""Open adapters over real servers, for one module each."""

from collections.abc import AsyncIterator

import pytest

from shared.database.client import Database, open_database
from shared.database.indexes import verify_indexes
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage, open_storage
from tests.support.isolation import isolated, settings_of
from tests.support.servers import Addresses


@pytest.fixture(scope="module")
def settings(addresses: Addresses) -> Settings:
    """A database, bucket and topics that no other module uses."""
    return settings_of(isolated(addresses))


@pytest.fixture(scope="module")
async def storage(settings: Settings) -> AsyncIterator[Storage]:
    """The storage adapter, its buckets made."""
    async with open_storage(settings) as opened:
        await opened.buckets.provision(settings.minio_bucket)
        await opened.buckets.make(settings.manifest_bucket)
        yield opened


@pytest.fixture(scope="module")
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database, its indexes made."""
    async with open_database(settings) as opened:
        await verify_indexes(opened)
        yield opened
