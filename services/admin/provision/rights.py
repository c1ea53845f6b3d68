"""What each service may do, given to its users at the servers."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

from services.admin.operator import Operator
from services.admin.provision.database_roles import database_roles
from services.admin.provision.ownership import MINIO, require_ours
from services.admin.provision.storage_policies import Buckets, storage_policies
from shared.database.storage_groups import KnownGroup, known_groups
from shared.database.users import put_role, put_user
from shared.domain.errors import Conflict
from shared.domain.records import utc_now
from shared.runtime.service_users import ProvisioningSettings
from shared.storage.connection import StorageRefused
from shared.storage.groups import may_be_new
from shared.storage.users import NO_ADMIN_API

TOO_LARGE = "EntityTooLarge"
"""MinIO's code for a policy of more than 20 KiB."""
_RACES = 5
"""Tries at writing policies of groups that other commands change at the same moment."""


def buckets_of(settings: ProvisioningSettings, groups: Iterable[KnownGroup]) -> Buckets:
    """Return the buckets that policies name: these groups, and those that settings name.

    A group that an upload had made is left to the patterns that allow it, however many there are.
    """
    patterns = settings.new_group_names
    ours = [group for group in groups if group.is_ours]
    listed = [
        group.bucket for group in ours if not (group.is_made and may_be_new(group.bucket, patterns))
    ]
    named = dict.fromkeys((*settings.named_groups, *listed))
    return Buckets(tuple(named), settings.manifest_bucket, patterns)


async def give_storage_rights(operator: Operator, *, also: Sequence[str] = ()) -> None:
    """Let the services' users do what they must on the groups, and nothing else.

    `also` are buckets that are about to be groups. Raises Conflict "user_foreign", "no_admin_api"
    for a store that is not MinIO, "too_many_groups" for more than policies have room for, and the
    storage and database errors.
    """
    attached = [KnownGroup(bucket, "ready", utc_now()) for bucket in also]
    buckets: Buckets | None = None
    with told_refusals():
        await require_ours(MINIO, operator)
        # Again, where another command has changed the groups meanwhile: else the one that writes
        # last may have read first.
        for _ in range(_RACES):
            known = [*await known_groups(operator.database), *attached]
            if (current := buckets_of(operator.settings, known)) == buckets:
                return
            buckets = current
            policies = storage_policies(buckets)
            for service, user in operator.settings.storage_users.items():
                await operator.storage_users.put_policy(user.name, policies[service])


@contextmanager
def told_refusals() -> Generator[None]:
    """Say what to do about a refusal that is nobody's defect."""
    try:
        yield
    except StorageRefused as error:
        if error.s3_code == TOO_LARGE:
            detail = "there are more storage groups than MinIO's policies have room for"
            raise Conflict("too_many_groups", detail) from error
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
