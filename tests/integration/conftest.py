"""Open adapters over real servers, for one module each."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from shared.database.client import Database, open_database
from shared.database.indexes import verify_indexes
from shared.runtime.settings import Settings
from shared.storage.adapter import Storage, open_storage
from tests.support.isolation import isolated, settings_of
from tests.support.servers import Addresses, retrying
from tests.support.wire_proxy import WireProxy, wire_proxy


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


@pytest.fixture
def proxy(addresses: Addresses) -> Iterator[WireProxy]:
    """A way to the database on which commands can be made to fail, and are sent again."""
    with wire_proxy(retrying(addresses["MONGODB_URL"])) as opened:
        yield opened


@pytest.fixture
async def faulty(proxy: WireProxy, settings: Settings) -> AsyncIterator[Database]:
    """The database on the way through the proxy."""
    changes = {"mongodb_url": SecretStr(proxy.url), "mongodb_transaction_seconds": 60.0}
    async with open_database(settings.model_copy(update=changes)) as opened:
        await verify_indexes(opened)
        yield opened
