"""What each service may do, given to its users at the servers."""

from services.admin.operator import Operator
from services.admin.provision.database_roles import database_roles
from services.admin.provision.storage_policies import Buckets, storage_policies
from shared.database.users import put_role, put_user
from shared.domain.errors import Conflict
from shared.runtime.service_users import ProvisioningSettings
from shared.storage.connection import StorageRefused
from shared.storage.users import NO_ADMIN_API


def buckets_of(settings: ProvisioningSettings, groups: list[str]) -> Buckets:
    """Return the buckets that policies name: these groups, and those that settings name."""
    named = dict.fromkeys((*settings.named_groups, *groups))
    return Buckets(tuple(named), settings.manifest_bucket, settings.new_group_names)


async def give_storage_rights(operator: Operator, groups: list[str]) -> None:
    """Let the services' users do what they must on these groups, and nothing else.

    Raises Conflict "no_admin_api" for a store that is not MinIO, and the storage errors.
    """
    policies = storage_policies(buckets_of(operator.settings, groups))
    try:
        for service, user in operator.settings.storage_users.items():
            await operator.storage_users.put_policy(user.name, policies[service])
    except StorageRefused as error:
        if error.s3_code != NO_ADMIN_API:
            raise
        told = "make the users there by its own tools, with the policies of provision --dry-run"
        detail = f"storage has no admin API of MinIO's: {told}, and leave their secrets unset here"
        raise Conflict("no_admin_api", detail) from error


async def make_storage_users(operator: Operator) -> dict[str, str]:
    """Make the users, whose policies are there, with their secrets; returns names by service."""
    users = operator.settings.storage_users
    for user in users.values():
        await operator.storage_users.put_user(user.name, user.secret)
    return {service: user.name for service, user in users.items()}


async def make_database_users(operator: Operator) -> dict[str, str]:
    """Make the users and their roles; returns names by service. Raises DatabaseUnavailable."""
    users = operator.settings.database_users
    roles = database_roles(makes_groups=bool(operator.settings.new_group_names))
    for service, user in users.items():
        await put_role(operator.database, user.name, roles[service])
        await put_user(operator.database, user.name, user.secret, role=user.name)
    return {service: user.name for service, user in users.items()}
