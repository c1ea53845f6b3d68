"""Users of MinIO and their policies, by its admin API, which encrypts what it is told.

Other stores have no such API: their operators make users by their own tools, with the policies
that provisioning prints.
"""

import json
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from miniopy_async.credentials.providers import StaticProvider
from miniopy_async.error import MinioAdminException
from miniopy_async.minioadmin import (
    _COMMAND,  # pyright: ignore[reportPrivateUsage] - the public call reads the policy from a file
    MinioAdmin,
)

from shared.runtime.settings import Settings
from shared.storage.connection import (
    StorageMissing,
    StorageRefused,
    StorageUnavailable,
    classify,
    open_session,
    translated,
)

_ABSENT = frozenset(("XMinioAdminNoSuchUser", "XMinioAdminNoSuchPolicy"))
NO_ADMIN_API = "NoAdminApi"
"""Our code for an answer that is not of MinIO's admin API."""


class StorageUsers:
    """Makes users with one policy each, which has the user's name.

    Every method raises StorageRefused or StorageUnavailable.
    """

    def __init__(self, admin: MinioAdmin) -> None:
        self._admin = admin

    async def put_policy(self, name: str, policy: Mapping[str, Any]) -> None:
        """Write the policy; whoever has it follows it at once. Idempotent."""
        with _told(f"policy {name}"):
            response = await self._admin._url_open(  # pyright: ignore[reportPrivateUsage]
                "PUT",
                _COMMAND.ADD_CANNED_POLICY,
                query_params={"name": name},
                body=json.dumps(policy).encode(),
            )
            async with response:
                await response.read()

    async def put_user(self, name: str, secret: str) -> None:
        """Make the user, or give it this secret, and let it do what its policy says; idempotent."""
        with _told(f"user {name}"):
            await self._admin.user_add(name, secret)
            await self._admin.policy_set(name, user=name)

    async def policy(self, name: str) -> Mapping[str, Any] | None:
        """Return the policy of this name; None where there is none."""
        with suppress(StorageMissing), _told(f"policy {name}"):
            return json.loads(await self._admin.policy_info(name))
        return None

    async def policies_of(self, name: str) -> list[str] | None:
        """Name the policies that a user has; None where there is no such user."""
        with suppress(StorageMissing), _told(f"user {name}"):
            found: dict[str, Any] = json.loads(await self._admin.user_info(name))
            return [each for each in found.get("policyName", "").split(",") if each]
        return None

    async def remove(self, name: str) -> None:
        """Remove the user and its policy, as far as they are there."""
        with suppress(StorageMissing), _told(f"user {name}"):
            await self._admin.user_remove(name)
        with suppress(StorageMissing), _told(f"policy {name}"):
            await self._admin.policy_remove(name)


@asynccontextmanager
async def open_storage_users(settings: Settings) -> AsyncGenerator[StorageUsers]:
    """Open the admin API with the settings' credentials, and close it at the end."""
    session = open_session(settings)
    token = settings.minio_session_token
    provider = StaticProvider(
        settings.minio_access_key.get_secret_value(),
        settings.minio_secret_key.get_secret_value(),
        token.get_secret_value() if token is not None else None,
    )
    admin = MinioAdmin(
        settings.minio_endpoint,
        provider,
        region=settings.minio_region,
        secure=settings.minio_secure,
        session=session,
    )
    try:
        yield StorageUsers(admin)
    finally:
        await session.close()


@contextmanager
def _told(resource: str) -> Generator[None]:
    """Turn the admin API's failures into StorageMissing, StorageRefused or StorageUnavailable."""
    try:
        with translated(resource):
            yield
    except MinioAdminException as error:
        status, body = int(error._code), error._body  # pyright: ignore[reportPrivateUsage]
        code, message = _read(body)
        if code in _ABSENT:
            raise StorageMissing(code, resource) from error
        if classify(code, status) == "unavailable":
            raise StorageUnavailable(code) from error
        raise StorageRefused(code, f"{resource}: {message}") from error


def _read(body: str) -> tuple[str, str]:
    try:
        told: dict[str, str] = json.loads(body)
        return told["Code"], told.get("Message", "")
    except (ValueError, KeyError, TypeError):
        return NO_ADMIN_API, "storage has no admin API of MinIO's"
