"""What an issuer publishes: its discovery document and its keys, fetched within bounds."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, cast

import httpx
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

from shared.domain.access.issuers import TrustedIssuer
from shared.domain.strict_json import parse_object
from shared.runtime.logs import get_logger

FETCH_SECONDS = 5.0
"""Both documents together."""
CONNECT_SECONDS = 2.0
MAX_DOCUMENT_BYTES = 256 * 1024
MAX_KEYS = 100
MAX_RSA_CHARACTERS = 1400
"""A modulus of 8192 bits; larger ones only cost time."""

Keys = Mapping[str, Key]
"""Public keys by their `kid`."""

log = get_logger(__name__)


class IssuerAway(Exception):
    """The issuer does not answer, or not with what an issuer has to say."""


async def fetch_keys(issuer: TrustedIssuer) -> Keys:
    """Return the keys that the issuer signs with now; raises IssuerAway with the reason."""
    async with asking(issuer) as client:
        discovery = await fetch_discovery(client, issuer)
        return _keys_of(await _fetch(client, allowed_url(issuer, discovery, "jwks_uri")), issuer)


async def fetch_discovery(client: httpx.AsyncClient, issuer: TrustedIssuer) -> dict[str, Any]:
    """Return what an issuer tells of itself; raises IssuerAway."""
    discovery = await _fetch(client, issuer.discovery_url)
    if discovery.get("issuer") != issuer.url:
        raise IssuerAway(f"its document is of another issuer: {discovery.get('issuer')!r:.200}")
    return discovery


def allowed_url(issuer: TrustedIssuer, discovery: Mapping[str, Any], name: str) -> str:
    """Return an address of a discovery document; raises IssuerAway for one that is not safe."""
    url = discovery.get(name)
    if not isinstance(url, str) or not issuer.may_ask(url):
        raise IssuerAway(f"its {name} may not be asked: {url!r:.200}")
    return url


@asynccontextmanager
async def asking(issuer: TrustedIssuer) -> AsyncGenerator[httpx.AsyncClient]:
    """Ask an issuer within the block, for FETCH_SECONDS; raises IssuerAway with the reason.

    No redirect is followed and proxies are those of the environment. The file of authorities is
    read anew each time, so a renewed one counts without a restart.
    """
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            verify = await asyncio.to_thread(_certificates, issuer.ca_file)
            limits = httpx.Timeout(FETCH_SECONDS, connect=CONNECT_SECONDS)
            async with httpx.AsyncClient(verify=verify, timeout=limits) as client:
                yield client
    except TimeoutError:
        raise IssuerAway(f"no answer within {FETCH_SECONDS:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise IssuerAway(f"{type(error).__name__}: {error}") from error


def _certificates(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context()


async def _fetch(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    _, document = await ask_for_object(client, "GET", url, (HTTPStatus.OK,))
    return document


async def ask_for_object(
    client: httpx.AsyncClient, method: str, url: str, statuses: Collection[int], **options: Any
) -> tuple[int, dict[str, Any]]:
    """Return the status of an answer, and the JSON object in it; raises IssuerAway.

    Of another status than these nothing is read.
    """
    # As it is: what is compressed has no bound before it is unpacked.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with client.stream(method, url, headers=headers, **options) as answer:
        if answer.status_code not in statuses:
            raise IssuerAway(f"{url} answers {answer.status_code}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise IssuerAway(f"{url} answers compressed, unasked")
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > MAX_DOCUMENT_BYTES:
                raise IssuerAway(f"{url} answers more than {MAX_DOCUMENT_BYTES} bytes")
    try:
        return answer.status_code, parse_object(body.decode())
    except ValueError as error:
        raise IssuerAway(f"what {url} answers {error}") from None


def _keys_of(document: Mapping[str, Any], issuer: TrustedIssuer) -> Keys:
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise IssuerAway("its document of keys lists none")
    entries = cast("list[object]", listed)
    if len(entries) > MAX_KEYS:
        raise IssuerAway(f"it has more than {MAX_KEYS} keys")
    found: dict[str, Key] = {}
    for entry in entries:
        if (key := _usable(entry, issuer)) is not None and key.kid:
            found.setdefault(key.kid, key)
    return found


def _usable(entry: object, issuer: TrustedIssuer) -> Key | None:
    """Return a key that signatures can be verified with; None for any other, which is passed."""
    if not isinstance(entry, dict):
        return None
    jwk = cast("dict[str, Any]", entry)
    if len(str(jwk.get("n", ""))) > MAX_RSA_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # such as an RSA key below 2048 bits
            key = import_key(jwk)
            key.check_use("sig")
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError) as error:
        log.info("oidc key not taken", issuer=issuer.url, reason=type(error).__name__)
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None
