"""How the driver's pool of connections is used, as the driver tells it."""

from prometheus_client import CollectorRegistry, Counter, Gauge
from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)


class PoolUse(ConnectionPoolListener):
    """Counts connections; the driver calls it from its threads, which the figures allow."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge(
            "registry_mongodb_connections_open", "Connections to MongoDB", registry=registry
        )
        self._in_use = Gauge(
            "registry_mongodb_connections_in_use",
            "Connections to MongoDB that statements have",
            registry=registry,
        )
        self._waiting = Gauge(
            "registry_mongodb_connections_awaited",
            "Statements that wait for a connection to MongoDB",
            registry=registry,
        )
        self._failed = Counter(
            "registry_mongodb_connections_refused",
            "Statements that got no connection to MongoDB",
            registry=registry,
        )

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """Count one more."""
        self._open.inc()

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        """Count one less."""
        self._open.dec()

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:
        """Count a statement that waits."""
        self._waiting.inc()

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """Count a statement that waited in vain."""
        self._waiting.dec()
        self._failed.inc()

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        """Count one that is used."""
        self._waiting.dec()
        self._in_use.inc()

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        """Count one that is free again."""
        self._in_use.dec()

    def pool_created(self, event: PoolCreatedEvent) -> None:
        """Nothing to count."""

    def pool_ready(self, event: PoolReadyEvent) -> None:
        """Nothing to count."""

    def pool_cleared(self, event: PoolClearedEvent) -> None:
        """Nothing to count: each connection is told of as it closes."""

    def pool_closed(self, event: PoolClosedEvent) -> None:
        """Nothing to count."""

    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        """Nothing to count."""
