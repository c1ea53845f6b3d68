"""One request to a receiver: bounded in time and in what is read, and never anywhere else."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Self
from urllib.parse import SplitResult, urlsplit

import httpcore

from services.notifier.sending.network import AddressRefused, CheckedNetwork, Resolve, Resolver
from shared.domain.access.audit import bounded
from shared.domain.webhooks.backoff import retry_after
from shared.runtime.settings import Settings

USER_AGENT = "model-registry-webhooks/1"
MOST_ANSWER_BYTES = 4096
"""As much of an answer is read; a longer one costs its connection."""
ANSWER_BODY_SECONDS = 1.0
"""How long an answer may take behind its status, which is all that counts."""
KEEP_ALIVE_SECONDS = 2.0
"""How long a connection is kept: one that is kept for longer may be closed while it is used."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request."""

    milliseconds: int
    status: int | None = None
    error: str = ""
    """timeout, refused_address, connection, tls, or answer (not HTTP); empty with a status."""
    detail: str = ""
    """The first part of the answer, or what went wrong."""
    retry_after: float = 0.0
    """Seconds that the receiver wants to be left alone."""

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it. A redirection is no answer: it is not followed."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def answer_seconds(self) -> float | None:
        """How long the receiver took to answer; None where it did not."""
        return None if self.status is None else self.milliseconds / 1000

    @property
    def is_gone(self) -> bool:
        """Whether the receiver asked to be sent nothing more (410)."""
        return self.status == 410


class Sender:
    """Sends requests over a pool of checked connections."""

    def __init__(self, pool: httpcore.AsyncConnectionPool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings, resolve: Resolve | None = None) -> AsyncGenerator[Self]:
        """Open the pool during the block; `resolve` stands for the system's resolver."""
        resolver = Resolver(settings.webhook_concurrency)
        network = CheckedNetwork(settings.webhook_networks, resolve or resolver)
        trusted = ssl.create_default_context(cafile=settings.webhook_ca_file or None)
        try:
            # No proxy of the environment: it would connect to what nobody checked.
            async with httpcore.AsyncConnectionPool(
                ssl_context=trusted,
                max_connections=settings.webhook_concurrency,
                max_keepalive_connections=settings.webhook_concurrency // 2,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
                retries=0,
                network_backend=network,
            ) as pool:
                yield cls(pool, settings)
        finally:
            resolver.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send a request and return what became of it; raises nothing but cancellation."""
        began = monotonic()
        parts = urlsplit(url)
        if parts.scheme == "http" and not self._settings.webhook_allow_http:
            return Outcome(0, error="refused_address", detail="http is not allowed here")
        try:
            async with asyncio.timeout(self._settings.webhook_timeout_seconds):
                return await self._post(parts, headers, body, began)
        except (TimeoutError, httpcore.TimeoutException) as error:
            return _failed(began, "timeout", error)
        except AddressRefused as error:
            return _failed(began, "refused_address", error)
        except httpcore.ProtocolError as error:
            return _failed(began, "answer", error)
        except (httpcore.NetworkError, OSError) as error:
            kind = "tls" if _is_tls(error) else "connection"
            return _failed(began, kind, error)
        except (httpcore.UnsupportedProtocol, ValueError) as error:
            return _failed(began, "connection", error)

    async def _post(
        self, url: SplitResult, headers: Mapping[str, str], body: bytes, began: float
    ) -> Outcome:
        limits = {
            "connect": self._settings.webhook_connect_seconds,
            "pool": self._settings.webhook_connect_seconds,
            "read": self._settings.webhook_timeout_seconds,
            "write": self._settings.webhook_timeout_seconds,
        }
        # Written here, since httpcore leaves out the brackets of IPv6.
        told = {"host": url.netloc, "user-agent": USER_AGENT, "accept": "*/*", **headers}
        async with self._pool.stream(
            "POST",
            _wire_url(url),
            headers=list(told.items()),
            content=body,
            extensions={"timeout": limits},
        ) as response:
            took = _milliseconds(began)
            excerpt = await _beginning_of(response)
        return Outcome(
            took,
            status=response.status,
            detail=bounded(excerpt.decode(errors="replace").strip()),
            retry_after=retry_after(_header(response, b"retry-after")),
        )


def _wire_url(url: SplitResult) -> httpcore.URL:
    """Return an address as it is connected to; httpcore's own reading loses what follows `;`."""
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.hostname or ""
    return httpcore.URL(scheme=url.scheme, host=host, port=url.port, target=target)


async def _beginning_of(response: httpcore.Response) -> bytes:
    """Return the first part of an answer; it ends early where that takes long, or breaks off."""
    read = b""
    try:
        async with asyncio.timeout(ANSWER_BODY_SECONDS):
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) > MOST_ANSWER_BYTES:
                    break
    except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        return read[:MOST_ANSWER_BYTES]
    return read[:MOST_ANSWER_BYTES]


def _header(response: httpcore.Response, name: bytes) -> str | None:
    found = (value for key, value in response.headers if key.lower() == name)
    value = next(found, None)
    return value.decode(errors="replace") if value is not None else None


def _is_tls(error: BaseException) -> bool:
    """Whether TLS is what failed: httpcore's error hides it among its causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _failed(began: float, kind: str, error: BaseException) -> Outcome:
    return Outcome(_milliseconds(began), error=kind, detail=bounded(str(error)))


def _milliseconds(began: float) -> int:
    return round((monotonic() - began) * 1000)
