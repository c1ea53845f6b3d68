"""Where the parts of a registry are found."""

from typing import Literal

from registry.schemas.base import Answer


class EventsAddress(Answer):
    """Where model events can be read."""

    bootstrap_servers: str
    topic: str
    source: str | None = None
    """`source` of this registry's events; those of others on the topic are to be passed over."""


class Discovery(Answer):
    """`GET /v1` of either service: the addresses of everything."""

    name: Literal["model-registry"] = "model-registry"
    api: Literal["v1"] = "v1"
    version: str | None = None
    """Release of the service that answers; absent: it does not tell."""
    ingest_url: str
    query_url: str
    events: EventsAddress
