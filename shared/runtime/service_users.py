"""The users that services have at the servers, and the settings of whoever makes them.

Each service reads MINIO_ACCESS_KEY, MINIO_SECRET_KEY and MONGODB_URL, and is given those of its own
users there. Provisioning runs with an administrator's, and makes the users that this module names.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import quote, unquote

from pydantic import Field, SecretStr

from shared.runtime.listed_values import each, listed_values
from shared.runtime.settings import Settings

SERVICES = ("ingest", "query", "indexer", "notifier")
"""The services that have users of their own, at MongoDB."""
WITH_STORAGE = ("ingest", "query", "indexer")
"""Those that have users at MinIO as well; the others never talk to it."""
ASKS_WHO_COMES = frozenset({"ingest", "query"})
"""Those that answer users, and so must know the administrator's token."""
NAME = r"^[A-Za-z0-9_-]{3,64}$"
PRINCIPAL = r"^(User:[^,\s]+)?$"
SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """A user that a service has at one server."""

    name: str
    secret: str = field(repr=False)


def _check_principal(principal: str) -> None:
    if not re.fullmatch(PRINCIPAL, principal):
        raise ValueError("must be principals as Kafka writes them, such as User:name")


class ProvisioningSettings(Settings):
    """Settings of provisioning: those of the services, and the users that it makes for them."""

    ingest_minio_access_key: str = Field("registry-ingest", pattern=NAME)
    """Name of ingest's user at MinIO."""
    ingest_minio_secret_key: SecretStr | None = Field(None, min_length=SHORTEST_SECRET)
    """Secret of ingest's user at MinIO; without one no user is made."""
    ingest_mongodb_username: str = Field("registry-ingest", pattern=NAME)
    """Name of ingest's user at MongoDB."""
    ingest_mongodb_password: SecretStr | None = Field(None, min_length=SHORTEST_SECRET)
    """Password of ingest's user at MongoDB; without one no user is made."""
    query_minio_access_key: str = Field("registry-query", pattern=NAME)
    """Name of query's user at MinIO."""
    query_minio_secret_key: SecretStr | None = Field(None, min_length=SHORTEST_SECRET)
    """Secret of query's user at MinIO; without one no user is made."""
    query_mongodb_username: str = Field("registry-query", pattern=NAME)
    """Name of query's user at MongoDB."""
    query_mongodb_password: SecretStr | None = Field(None, min_length=SHORTEST_SECRET)
    """Password of query's user at MongoDB; without one no user is made."""
    indexer_minio_access_key: str = Field("registry-indexer", pattern=NAME)
    """Name of the indexer's user at MinIO."""
    indexer_minio_secret_key: SecretStr | None = Field(None, min_length=SHORTEST_SECRET)
    """Secret of the indexer's user at MinIO; without one no user is made."""
    indexer_mongodb_username: str = Field("registry-indexer", pattern=NAME)
    """Name of the indexer's user at MongoDB."""
    indexer_mongodb_password: SecretStr | None = Field(None, min_length=SHORTEST_SECRET)
    """Password of the indexer's user at MongoDB; without one no user is made."""
    notifier_mongodb_username: str = Field("registry-notifier", pattern=NAME)
    """Name of the notifier's user at MongoDB."""
    notifier_mongodb_password: SecretStr | None = Field(None, min_length=SHORTEST_SECRET)
    """Password of the notifier's user at MongoDB; without one no user is made."""
    kafka_indexer_principal: str = Field("", pattern=PRINCIPAL)
    """Whom Kafka knows the indexer as, such as User:indexer; empty: no rights are given."""
    kafka_notifier_principal: str = Field("", pattern=PRINCIPAL)
    """Whom Kafka knows the notifier as, such as User:notifier; empty: no rights are given."""
    kafka_query_principal: str = Field("", pattern=PRINCIPAL)
    """Whom Kafka knows query as, which streams model events; empty: no rights are given."""
    kafka_storage_principal: str = Field("", pattern=PRINCIPAL)
    """Whom Kafka knows storage as, which sends bucket events; empty: no rights are given."""
    kafka_subscriber_principals: Annotated[str, each(_check_principal)] = ""
    """Whom Kafka knows subscribers to model events as, separated by commas."""

    @property
    def kafka_subscribers(self) -> list[str]:
        """The principals of subscribers."""
        return listed_values(self.kafka_subscriber_principals)

    @property
    def storage_users(self) -> Mapping[str, ServiceUser]:
        """The users at MinIO, by service: those that have a secret."""
        return self._users(WITH_STORAGE, "minio_access_key", "minio_secret_key")

    @property
    def database_users(self) -> Mapping[str, ServiceUser]:
        """The users at MongoDB, by service: those that have a password."""
        return self._users(SERVICES, "mongodb_username", "mongodb_password")

    def _users(self, services: Iterable[str], name: str, secret: str) -> dict[str, ServiceUser]:
        users: dict[str, ServiceUser] = {}
        for service in services:
            kept: SecretStr | None = getattr(self, f"{service}_{secret}")
            if kept is not None:
                named: str = getattr(self, f"{service}_{name}")
                users[service] = ServiceUser(named, kept.get_secret_value())
        return users


USER_SETTINGS = frozenset(
    name.upper() for name in ProvisioningSettings.model_fields.keys() - Settings.model_fields.keys()
)
"""The settings that provisioning alone reads, as environment variables."""
USER_SECRETS = (
    *(f"{service.upper()}_MINIO_SECRET_KEY" for service in WITH_STORAGE),
    *(f"{service.upper()}_MONGODB_PASSWORD" for service in SERVICES),
)
"""Those of them that are secrets."""


def settings_of_service(service: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one service: its own users and secrets, and nobody else's.

    Where it has no user at a server, it gets what the settings say, as an administrator's.
    """
    own = {name: value for name, value in settings.items() if name not in USER_SETTINGS}
    if service not in ASKS_WHO_COMES:
        own.pop("REGISTRY_ADMIN_TOKEN", None)
    if service not in WITH_STORAGE:
        own |= dict.fromkeys(("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"), "")
    prefix = f"{service.upper()}_"
    if secret := settings.get(f"{prefix}MINIO_SECRET_KEY"):
        own["MINIO_ACCESS_KEY"] = _named(f"{prefix}MINIO_ACCESS_KEY", settings)
        own["MINIO_SECRET_KEY"] = secret
    if password := settings.get(f"{prefix}MONGODB_PASSWORD"):
        user = _named(f"{prefix}MONGODB_USERNAME", settings)
        own["MONGODB_URL"] = with_user(settings["MONGODB_URL"], user, password)
    return own


def with_user(mongodb_url: str, user: str, password: str) -> str:
    """Return the connection string with this user in place of the one that it has, or none."""
    scheme, _, rest = mongodb_url.partition("://")
    authority, slash, path = rest.partition("/")
    hosts = authority.rpartition("@")[2]
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{hosts}{slash}{path}"


def user_of(mongodb_url: str) -> str | None:
    """Return the user that a connection string names."""
    user_info, at, _ = mongodb_url.partition("://")[2].partition("/")[0].rpartition("@")
    return unquote(user_info.partition(":")[0]) if at else None


def _named(setting: str, settings: Mapping[str, str]) -> str:
    return settings.get(setting) or str(ProvisioningSettings.model_fields[setting.lower()].default)
