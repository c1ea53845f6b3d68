"""Headers of every answer, whatever it is: uvicorn adds them to its own refusals too."""

from urllib.parse import urlsplit

from shared.runtime.settings import Settings

Header = tuple[str, str]
HSTS_SECONDS = 365 * 24 * 3600

FIXED: tuple[Header, ...] = (
    # A browser takes nothing for another type than it is told, shows none of it as a page or in
    # one, and tells no other site where it was.
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
)


def answer_headers(settings: Settings) -> list[Header]:
    """Return the headers of every answer; with https, that browsers stay with it."""
    if not _is_https_alone(settings):
        return list(FIXED)
    return [*FIXED, ("strict-transport-security", f"max-age={HSTS_SECONDS}")]


def _is_https_alone(settings: Settings) -> bool:
    """Whether users reach a service by https, and nothing on its host without it.

    A browser that is told to stay with https does so for all ports of a host.
    """
    storage = f"{settings.storage_public_scheme}://{settings.storage_public_endpoint}"
    services = (settings.ingest_url, settings.query_url)
    secure = {_host(url) for url in services if url.startswith("https://")}
    plain = {_host(url) for url in (*services, storage) if not url.startswith("https://")}
    return bool(secure) and not secure & plain


def _host(url: str) -> str | None:
    return urlsplit(url).hostname
