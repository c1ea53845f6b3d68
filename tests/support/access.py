"""The administrator of the registries that tests start."""

from registry import AsyncModelRegistryClient
from registry.schemas import NewToken
from shared.runtime.settings import Settings

ADMIN_TOKEN = "the-administrator-of-the-tests-0123456789"
BEARER = {"authorization": f"Bearer {ADMIN_TOKEN}"}
"""What a request carries that may do everything."""


def carrying(token: NewToken) -> dict[str, str]:
    """What a request carries that may do what the token is granted."""
    return {"authorization": f"Bearer {token.token}"}


def token_of(settings: Settings) -> str:
    """The administrator's token of a registry that somebody else may have started."""
    assert settings.registry_admin_token is not None
    return settings.registry_admin_token.get_secret_value()


def bearer(settings: Settings) -> dict[str, str]:
    """What a request to this registry carries that may do everything."""
    return {"authorization": f"Bearer {token_of(settings)}"}


def client_of(settings: Settings, token: str) -> AsyncModelRegistryClient:
    """A client of this registry, both of whose services may be told the token."""
    origins = (settings.ingest_url, settings.query_url)
    return AsyncModelRegistryClient(settings.ingest_url, token=token, origins=origins)
