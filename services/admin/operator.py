"""What use cases of an administrator of the servers work with."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.database.client import Database, open_database
from shared.runtime.service_users import ProvisioningSettings
from shared.storage.adapter import Storage, open_storage
from shared.storage.groups import StorageGroups
from shared.storage.users import StorageUsers, open_storage_users


@dataclass(frozen=True, slots=True)
class Operator:
    """Clients that are open with the credentials of an administrator of the servers."""

    settings: ProvisioningSettings
    database: Database
    storage: Storage
    storage_users: StorageUsers
    groups: StorageGroups


@asynccontextmanager
async def open_operator(settings: ProvisioningSettings) -> AsyncGenerator[Operator]:
    """Open the clients, which connect on first use, and close them at the end."""
    async with (
        open_database(settings) as database,
        open_storage(settings) as storage,
        open_storage_users(settings) as users,
    ):
        groups = StorageGroups(database, storage, settings)
        yield Operator(settings, database, storage, users, groups)
