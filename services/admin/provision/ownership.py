"""Which users are the registry's own, so that no other's password, rights or life is changed.

Servers keep no mark of it. Ours have what provisioning gives: at MinIO the policy of their name,
which names buckets of this registry, and at MongoDB the role of their name in its database.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.admin.operator import Operator
from shared.database.storage_groups import known_groups
from shared.database.users import roles_of
from shared.domain.errors import Conflict
from shared.runtime.service_users import ProvisioningSettings, ServiceUser, user_of

MINIO = "MinIO"
MONGODB = "MongoDB"


def administrators(settings: ProvisioningSettings) -> Mapping[str, str | None]:
    """Return by server the name of the user that provisioning itself is."""
    return {
        MINIO: settings.minio_access_key.get_secret_value(),
        MONGODB: user_of(settings.mongodb_url.get_secret_value()),
    }


def users_made(settings: ProvisioningSettings) -> Mapping[str, Mapping[str, ServiceUser]]:
    """Return by server the users that are made there, by service."""
    return {MINIO: settings.storage_users, MONGODB: settings.database_users}


def require_names_of_their_own(settings: ProvisioningSettings) -> None:
    """Raise Conflict "user_shared" for a user that is two services', or the administrator."""
    admins = administrators(settings)
    for server, users in users_made(settings).items():
        names = [user.name for user in users.values()]
        for service, user in users.items():
            told = ""
            if user.name == admins[server]:
                told = f"provisioning, too: that needs an administrator's credentials at {server}"
            elif names.count(user.name) > 1:
                told = f"another service at {server}, too: each needs a user of its own"
            if told:
                raise Conflict("user_shared", f"{user.name!r} of {service} is the user of {told}")


async def require_ours(server: str, operator: Operator) -> None:
    """Raise Conflict "user_foreign" where settings name a user there that is somebody else's.

    Raises the errors of this server.
    """
    for service, user in users_made(operator.settings)[server].items():
        if await is_there(server, user.name, operator) and not await is_ours(
            server, user.name, operator
        ):
            setting = "MINIO_ACCESS_KEY" if server == MINIO else "MONGODB_USERNAME"
            remedy = f"set {service.upper()}_{setting} to another name"
            raise foreign_user(server, user.name, remedy)


def foreign_user(server: str, name: str, remedy: str) -> Conflict:
    """Return the refusal to touch a user that is not ours."""
    detail = f"{name!r} at {server} is a user of another registry or program: {remedy}"
    return Conflict("user_foreign", detail)


async def is_there(server: str, name: str, operator: Operator) -> bool:
    """Whether the server has the user, or at MinIO its policy alone."""
    if server == MONGODB:
        return await roles_of(operator.database, name) is not None
    users = operator.storage_users
    return await users.policy(name) is not None or await users.policies_of(name) is not None


async def is_ours(server: str, name: str, operator: Operator) -> bool:
    """Whether a user that is there has what provisioning of this registry gives."""
    if server == MONGODB:
        return (name, operator.database.name) in (await roles_of(operator.database, name) or ())
    # Where a crash came between, there is the policy alone, or the user without it.
    policy = await operator.storage_users.policy(name)
    given = await operator.storage_users.policies_of(name)
    if policy is None or (given and name not in given):
        return False
    groups = [group.bucket for group in await known_groups(operator.database)]
    settings = operator.settings
    own = (settings.manifest_bucket, *settings.named_groups, *groups)
    return not {f"arn:aws:s3:::{bucket}/*" for bucket in own}.isdisjoint(_resources(policy))


def _resources(policy: Mapping[str, Any]) -> set[str]:
    statements: Sequence[Mapping[str, Any]] = policy.get("Statement", ())
    return {name for each in statements for name in each.get("Resource", ())}
