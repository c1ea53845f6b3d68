"""Storage: whether a signed address, as any download gets it, is answered from here."""

from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

from registry._answers import accepted, parse
from registry._credentials import Credentials
from registry._services import segment
from registry.doctor.asking import Asker, told_failures
from registry.doctor.findings import Finding
from registry.errors import AccessDeniedError, ConflictError, NotFoundError
from registry.schemas import Downloads, ModelPage

LOOKED_AT = 5
"""Models whose latest version is asked for, until one can be downloaded."""
_ANSWERS = (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)


async def check_storage(asker: Asker, query_url: str, credentials: Credentials) -> Finding:
    """Read one byte of a version by a signed address; raises Unanswered."""
    signed = await _signed_url(asker, query_url, credentials)
    if signed is None:
        return Finding(
            name="storage",
            state="skipped",
            found="not asked: there is no version that the token may download",
        )
    place = urlsplit(signed).netloc
    answer = await asker.ask("storage", signed, {"range": "bytes=0-0"})
    if answer.status_code in _ANSWERS:
        return Finding(name="storage", state="ok", found=f"{place} answers signed addresses")
    return Finding(
        name="storage",
        state="failure",
        found=f"{place} refuses a signed address ({answer.status_code})",
        remedy="compare the clocks, and see that MINIO_PUBLIC_ENDPOINT leads to the same storage",
    )


async def _signed_url(asker: Asker, query_url: str, credentials: Credentials) -> str | None:
    with told_failures():
        try:
            found = await _get(asker, credentials, f"{query_url}/v1/models?limit={LOOKED_AT}")
        except AccessDeniedError:
            return None  # which the token's own finding tells
        for model in parse(found, ModelPage).items:
            path = f"/v1/models/{segment(model.name)}/versions/latest/downloads"
            try:
                told = await _get(asker, credentials, query_url + path)
            except (AccessDeniedError, ConflictError, NotFoundError):
                continue
            for file in parse(told, Downloads).files:
                return file.url
    return None


async def _get(asker: Asker, credentials: Credentials, url: str) -> httpx.Response:
    return accepted(await asker.ask("query", url, credentials.headers_for(url)))
