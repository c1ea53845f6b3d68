"""Removing users that services had, once others have taken their place."""

from collections.abc import Iterator, Sequence

from services.admin.operator import Operator
from services.admin.provision.ownership import (
    MINIO,
    administrators,
    foreign_user,
    is_ours,
    is_there,
    users_made,
)
from shared.database.users import remove_user
from shared.domain.errors import Conflict
from shared.runtime.service_users import ProvisioningSettings


async def require_replaced(operator: Operator, names: Sequence[str]) -> None:
    """Raise Conflict for a name that is not to be removed anywhere, before anything is changed.

    "user_in_use" where a service has it at each server, or provisioning itself, and "user_foreign"
    where it is none of ours. Raises the storage and database errors.
    """
    for name in names:
        servers = list(_servers_without(name, operator.settings))
        if not servers:
            detail = f"the settings name the user {name!r}: give the service another one first"
            raise Conflict("user_in_use", detail)
        for server in servers:
            await _is_to_go(server, name, operator)


async def retire(operator: Operator, name: str) -> bool:
    """Remove the user at each server where no service has it; False where there was none.

    Raises Conflict "user_foreign", and the storage and database errors.
    """
    is_removed = False
    for server in _servers_without(name, operator.settings):
        if not await _is_to_go(server, name, operator):
            continue
        if server == MINIO:
            await operator.storage_users.remove(name)
        else:
            await remove_user(operator.database, name)
        is_removed = True
    return is_removed


async def _is_to_go(server: str, name: str, operator: Operator) -> bool:
    if not await is_there(server, name, operator):
        return False
    if not await is_ours(server, name, operator):
        raise foreign_user(server, name, "it is not ours to remove")
    return True


def _servers_without(name: str, settings: ProvisioningSettings) -> Iterator[str]:
    """Yield the servers whose users are made here, and where this one is nobody's any more."""
    admins = administrators(settings)
    for server, users in users_made(settings).items():
        used = {user.name for user in users.values()}
        if used and name not in used and name != admins[server]:
            yield server
