"""The services beside query: each is asked whether it can work, for the overview to tell."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httpx
from fastapi import Request

from services.query.ui.kept import Kept
from shared.runtime.pem_files import load_authorities
from shared.runtime.settings import Settings

ANSWER_SECONDS: Final = 3.0
"""A service that takes longer is told as one that does not answer."""
FRESH_SECONDS: Final = 3.0
"""For so long what was answered is told again, whoever asks."""
OLD_SECONDS: Final = 6.0
"""What is older is not told any more: the answers are waited for."""
MAX_ANSWER_BYTES: Final = 64 * 1024
MOST_TROUBLES: Final = 5
MOST_CHARACTERS: Final = 200
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Place:
    """A service, and the base of its address as query reaches it."""

    name: str
    work: str
    """What it does."""
    url: str


@dataclass(frozen=True, slots=True)
class Part:
    """A service, or a part of one, and how it is."""

    name: str
    work: str
    """What it does."""
    waits_for: Sequence[str]
    figures: str = ""
    """What else there is to tell of it, in one line."""


class Line:
    """Asks the services at most every few seconds, all at once, however many pages are loaded."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        places: Sequence[Place],
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._client, self._places = client, places
        self._kept = Kept(
            self._answers, fresh_seconds=FRESH_SECONDS, old_seconds=OLD_SECONDS, now=now
        )

    async def told(self) -> Sequence[Part]:
        """Return what each service told last; nothing that was told is older than six seconds."""
        return await self._kept.told()

    async def close(self) -> None:
        """Ask no more."""
        await self._kept.close()

    async def _answers(self) -> Sequence[Part]:
        return await asyncio.gather(*(self._answer(place) for place in self._places))

    async def _answer(self, place: Place) -> Part:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                waits_for = await self._waits_for(place)
        except TimeoutError:
            waits_for = [f"an answer: there was none within {ANSWER_SECONDS:.0f} s"]
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            waits_for = [f"an answer: {type(error).__name__}"]
        return Part(place.name, place.work, waits_for)

    async def _waits_for(self, place: Place) -> Sequence[str]:
        """Return what a service says that it waits for; ValueError for what tells no readiness."""
        content = bytearray()
        async with self._client.stream("GET", f"{place.url}/health/ready") as answer:
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise httpx.DecodingError("the answer is too large")
        found = httpx.Response(answer.status_code, content=bytes(content)).json()
        told = cast("dict[str, Any]", found).get("waits_for") if isinstance(found, dict) else None
        if not isinstance(told, list):
            raise httpx.DecodingError("the answer tells no readiness")
        return [str(each)[:MOST_CHARACTERS] for each in cast("list[Any]", told)[:MOST_TROUBLES]]


def places_of(settings: Settings) -> Sequence[Place]:
    """Return where the services are; one that nobody said where it is is not among them.

    On the machine of a registry that is reached by a loopback address they have their ports there.
    """
    is_local = urlsplit(settings.query_url).hostname in _LOOPBACK
    scheme = "https" if settings.is_https else "http"

    def url(named: str, port: int) -> str:
        return named.rstrip("/") or (f"{scheme}://localhost:{port}" if is_local else "")

    indexer = url(settings.indexer_internal_url, settings.indexer_port)
    notifier = url(settings.notifier_internal_url, settings.notifier_port)
    places = (
        Place("ingest", "uploads and edits", settings.ingest_internal_url or settings.ingest_url),
        Place("indexer", "checks and events", indexer),
        Place("notifier", "webhooks", notifier),
    )
    return [place for place in places if place.url]


@asynccontextmanager
async def open_line(settings: Settings) -> AsyncGenerator[Line]:
    """Open the connections to the services; none is made before somebody wants to know."""
    async with httpx.AsyncClient(
        verify=load_authorities(settings.ingest_ca_file),
        timeout=httpx.Timeout(ANSWER_SECONDS),
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=0),
        trust_env=False,
    ) as client:
        line = Line(client, places_of(settings))
        try:
            yield line
        finally:
            await line.close()


def line_of(request: Request) -> Line:
    """Return what asks the services, of the process."""
    line: Line = request.state.line
    return line
