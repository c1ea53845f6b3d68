"""How the driver's pool of connections is used, as the driver tells it."""

from collections.abc import Callable
from threading import Lock

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
    """Counts connections, of which the driver tells in its threads.

    As plain numbers until somebody scrapes: each statement is told of three times.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lock = Lock()
        self._open = self._in_use = self._waiting = 0
        self._failed = Counter(
            "registry_mongodb_connections_refused",
            "Statements that got no connection to MongoDB",
            registry=registry,
        )
        told: tuple[tuple[str, str, Callable[[], int]], ...] = (
            ("open", "Connections to MongoDB", lambda: self._open),
            ("in_use", "Connections to MongoDB that statements have", lambda: self._in_use),
            ("awaited", "Statements that wait for a connection to MongoDB", lambda: self._waiting),
        )
        for name, explanation, value in told:
            gauge = Gauge(f"registry_mongodb_connections_{name}", explanation, registry=registry)
            gauge.set_function(value)

    def connection_created(self, event: ConnectionCreatedEvent) -> None:
        """Count one more."""
        with self._lock:
            self._open += 1

    def connection_closed(self, event: ConnectionClosedEvent) -> None:
        """Count one less."""
        with self._lock:
            self._open -= 1

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:
        """Count a statement that waits."""
        with self._lock:
            self._waiting += 1

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """Count a statement that waited in vain."""
        with self._lock:
            self._waiting -= 1
        self._failed.inc()

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        """Count one that is used."""
        with self._lock:
            self._waiting -= 1
            self._in_use += 1

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:
        """Count one that is free again."""
        with self._lock:
            self._in_use -= 1

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
