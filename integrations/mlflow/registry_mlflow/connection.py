"""The client of a registry that MLflow names as `registry+http(s)://ADDRESS`."""

from functools import lru_cache

from registry import ModelRegistryClient

PREFIX = "registry+"
_SERVED_BELOW = "/mlflow"


def address_of(uri: str) -> str:
    """Return the registry's address; a path of MLflow's interface behind it is left out."""
    return uri.removeprefix(PREFIX).rstrip("/").removesuffix(_SERVED_BELOW)


@lru_cache(maxsize=16)
def client_of(address: str) -> ModelRegistryClient:
    """Return the process's client of a registry; it may be used by several threads."""
    return ModelRegistryClient(address)


@lru_cache(maxsize=16)
def query_url_of(address: str) -> str:
    """Return the address of the service that serves MLflow's interface."""
    return client_of(address).discover().query_url.rstrip("/")
