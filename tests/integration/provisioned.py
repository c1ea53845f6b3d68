"""A registry of its own whose users were provisioned on the real servers."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from services.admin.operator import Operator, open_operator
from services.admin.provision.provision import provision
from shared.database.client import open_database
from shared.runtime.service_users import settings_of_service
from shared.runtime.settings import Settings
from shared.storage.adapter import open_storage
from shared.storage.groups import StorageGroups
from tests.support.isolation import isolated, settings_of
from tests.support.narrow import provisioning_settings, with_users
from tests.support.s3 import s3_client
from tests.support.servers import Addresses


@dataclass(frozen=True)
class Registry:
    """Settings of an administrator, and those that each service gets."""

    environment: Mapping[str, str]
    operator: Operator

    @property
    def s3(self) -> Any:
        """A plain client that may do everything."""
        return s3_client(self.operator.settings)

    def service(self, name: str, **changes: Any) -> Settings:
        """The settings of a service."""
        return settings_of(settings_of_service(name, self.environment)).model_copy(update=changes)

    @asynccontextmanager
    async def groups_of(self, name: str, **changes: Any) -> AsyncGenerator[StorageGroups]:
        """Storage groups as a service sees them."""
        settings = self.service(name, **changes)
        async with open_database(settings) as database, open_storage(settings) as storage:
            yield StorageGroups(database, storage, settings)


@asynccontextmanager
async def opened_registry(
    addresses: Addresses, *, provisioned: bool = True, **changes: str
) -> AsyncGenerator[Registry]:
    """Open a registry that nobody else uses; no new group is made unless `changes` say so."""
    closed = {"STORAGE_GROUPS_ALLOW_NEW": "false"}
    environment = with_users({**isolated(addresses), **closed, **changes})
    async with open_operator(provisioning_settings(environment)) as operator:
        if provisioned:
            await provision(operator)
        yield Registry(environment, operator)
