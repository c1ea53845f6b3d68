"""What query's use cases work with."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from services.query.compare.headers import Headers
from services.query.forwarding import Forwarding
from services.query.oci.packages import KnownPackages
from services.query.search.projection.projection import Projection
from services.query.sendings import Sendings
from services.query.stream.streams import Streams
from services.query.turns import Turns
from services.query.versions.feed import VersionFeed
from shared.database.client import Database
from shared.database.versions import Versions
from shared.runtime.settings import Settings
from shared.storage.urls import UrlSigner


@dataclass(frozen=True, slots=True)
class Context:
    """The open clients and repositories of the process."""

    settings: Settings
    database: Database
    versions: Versions
    feed: VersionFeed
    urls: UrlSigner
    headers: Headers
    search: Projection
    ingest: Forwarding
    streams: Streams
    graphs: Turns = field(default_factory=lambda: Turns("graphs", most_waiting=64))
    """A graph of the most nodes takes some 130 MB for a moment."""
    letters: Turns = field(default_factory=lambda: Turns("readings"))
    packages: KnownPackages = field(default_factory=KnownPackages)
    sendings: Sendings = field(default_factory=Sendings)


def context_of(request: Request) -> Context:
    """Return the context by the request itself: faster than by a dependency."""
    context: Context = request.state.context
    return context


async def _context(request: Request) -> Context:  # a plain function would go to a thread
    return context_of(request)


RequestContext = Annotated[Context, Depends(_context)]
