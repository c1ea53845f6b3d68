"""How the pool is used is counted as the driver tells it, in whichever of its threads."""

from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry
from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
)

from shared.database.pool_use import PoolUse

SERVER = ("mongodb", 27017)


def told(registry: CollectorRegistry) -> dict[str, float | None]:
    return {
        name: registry.get_sample_value(f"registry_mongodb_connections_{name}")
        for name in ("open", "in_use", "awaited", "refused_total")
    }


def test_a_statement_waits_for_a_connection_has_it_and_gives_it_back() -> None:
    registry = CollectorRegistry()
    use = PoolUse(registry)
    use.connection_created(ConnectionCreatedEvent(SERVER, 1))
    use.connection_check_out_started(ConnectionCheckOutStartedEvent(SERVER))
    assert told(registry) == {"open": 1, "in_use": 0, "awaited": 1, "refused_total": 0}
    use.connection_checked_out(ConnectionCheckedOutEvent(SERVER, 1, 0.0))
    assert told(registry) == {"open": 1, "in_use": 1, "awaited": 0, "refused_total": 0}
    use.connection_checked_in(ConnectionCheckedInEvent(SERVER, 1))
    use.connection_closed(ConnectionClosedEvent(SERVER, 1, "idle"))
    assert told(registry) == {"open": 0, "in_use": 0, "awaited": 0, "refused_total": 0}


def test_a_statement_that_waited_in_vain_waits_no_more() -> None:
    registry = CollectorRegistry()
    use = PoolUse(registry)
    use.connection_check_out_started(ConnectionCheckOutStartedEvent(SERVER))
    use.connection_check_out_failed(ConnectionCheckOutFailedEvent(SERVER, "timeout", 1.0))
    assert told(registry) == {"open": 0, "in_use": 0, "awaited": 0, "refused_total": 1}


def test_nothing_is_lost_where_threads_tell_at_once() -> None:
    registry = CollectorRegistry()
    use = PoolUse(registry)

    def work(_: int) -> None:
        for number in range(2_000):
            use.connection_created(ConnectionCreatedEvent(SERVER, number))
            use.connection_check_out_started(ConnectionCheckOutStartedEvent(SERVER))
            use.connection_checked_out(ConnectionCheckedOutEvent(SERVER, number, 0.0))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert told(registry) == {"open": 16_000, "in_use": 16_000, "awaited": 0, "refused_total": 0}
