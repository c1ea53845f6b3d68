"""Where storage has the very origin of query, clients of other tools send it their token.

They drop it on the way to another origin alone; storage then refuses a request that is signed and
carries a token as well.
"""

from urllib.parse import urlsplit

from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings

_PORTS = {"http": 80, "https": 443}

log = get_logger(__name__)


def warn_of_one_origin(settings: Settings) -> bool:
    """Warn where users reach storage and query by one scheme, host and port; returns whether so."""
    storage = f"{settings.storage_public_scheme}://{settings.storage_public_endpoint}"
    if _origin(storage) != _origin(settings.query_url):
        return False
    log.warning(
        "storage and query have one origin: clients of Hugging Face and OCI send storage their "
        "token, and are refused by it; give MINIO_PUBLIC_ENDPOINT another host or port",
        origin=storage,
    )
    return True


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
