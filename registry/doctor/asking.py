"""How a part is asked: once, for a few seconds, and with a bound on what it answers."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx

from registry._bounded import send_bounded
from registry._certificates import told_certificates
from registry._resolving import is_proxied, until_resolved
from registry.errors import RegistryError

ASK_SECONDS = 4.0
"""Longest wait for one answer: who is frozen is told from who is slow."""
RESOLVE_SECONDS = 2.0
"""Longest wait for the address of a name."""
CHECK_SECONDS = 7.0
"""Longest that one check takes, of however many questions it is made."""
MAX_BYTES = 4 * 1024 * 1024


class Unanswered(Exception):
    """A part gave no answer, for the reason in the text."""


@dataclass(slots=True)
class Asker:
    """Asks parts, and remembers how far the clock of each is from this machine's."""

    http: httpx.AsyncClient
    resolves: bool = True
    """Whether names are resolved on this machine, where no proxy does."""
    ahead_seconds: dict[str, float] = field(default_factory=dict[str, float])

    @classmethod
    def trusting(
        cls, certificates: SSLContext, transport: httpx.AsyncBaseTransport | None = None
    ) -> "Asker":
        """Return one that trusts these authorities; `transport` replaces the network."""
        return cls(
            httpx.AsyncClient(
                timeout=ASK_SECONDS,
                headers={"accept": "application/json", "accept-encoding": "identity"},
                transport=transport,
                verify=certificates,
            ),
            resolves=transport is None,
        )

    async def ask(
        self, place: str, url: str, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Return an answer, whatever its status; raises Unanswered, CertificateError.

        No message has the address's path or query in it: that of storage is signed.
        """
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Unanswered(f"its address is none: {error}") from None
        origin = f"{address.scheme}://{address.netloc.decode()}"
        if self.resolves and not is_proxied(urlsplit(url)):
            await require_resolver(address.host)
        asked_at = datetime.now(UTC)
        try:
            with told_certificates(origin), anyio.fail_after(ASK_SECONDS):
                request = self.http.build_request("GET", address, headers=headers)
                answer = await send_bounded(self.http, request, MAX_BYTES)
        except (TimeoutError, httpx.TimeoutException):
            raise Unanswered(f"{origin} did not answer within {ASK_SECONDS:g} s") from None
        except httpx.HTTPError as error:
            raise Unanswered(f"{origin} cannot be reached ({type(error).__name__})") from None
        self._note_clock(place, answer, asked_at)
        return answer

    def _note_clock(self, place: str, answer: httpx.Response, asked_at: datetime) -> None:
        try:
            told = parsedate_to_datetime(answer.headers["date"])
        except (KeyError, ValueError, OverflowError):
            return
        if told.tzinfo is None:
            told = told.replace(tzinfo=UTC)
        took = (datetime.now(UTC) - asked_at).total_seconds()
        # It was told at some moment of the answer's time, in whole seconds.
        ahead = (told - asked_at).total_seconds()
        lowest, highest = ahead - took, ahead + 1
        self.ahead_seconds[place] = 0.0 if lowest <= 0 <= highest else min(lowest, highest, key=abs)


async def require_resolver(host: str) -> None:
    """Return once the resolver has answered for a name; raises Unanswered where it does not."""
    try:
        await until_resolved(host, RESOLVE_SECONDS)
    except TimeoutError:
        raise Unanswered(
            f"the resolver tells no address of {host} within {RESOLVE_SECONDS:g} s"
        ) from None


def members_of(answer: httpx.Response) -> Mapping[str, Any]:
    """Return an answer's JSON object; raises Unanswered where it is something else."""
    try:
        found: object = answer.json()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unanswered(f"answered {answer.status_code}, and not as a registry does")
    return cast("Mapping[str, Any]", found)


def require_success(answer: httpx.Response) -> None:
    """Raise Unanswered where an answer is no success."""
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        raise Unanswered(f"it answered {answer.status_code}")


@contextmanager
def told_failures() -> Generator[None]:
    """Turn what the client raises into Unanswered: a check ends in a finding."""
    try:
        yield
    except RegistryError as error:
        raise Unanswered(str(error)) from error
