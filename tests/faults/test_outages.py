"""Servers that are killed or frozen while uploads go on: what was confirmed is not lost."""

import asyncio

import pytest

from shared.database.reports import last_comparison_began
from tests.faults.harness.outages import Servers
from tests.faults.harness.running_registry import Harness
from tests.faults.harness.uploader import upload_many
from tests.faults.harness.waiting import until_true

pytestmark = pytest.mark.servers

RECONCILING = {"RECONCILE_INTERVAL_SECONDS": "2"}
"""Events that storage could not send are found by comparing."""


@pytest.fixture
def uploads(long_form: bool) -> int:
    return 200 if long_form else 16


@pytest.fixture
def frozen_seconds(long_form: bool) -> float:
    """How long a frozen server stays so; longer than each service's patience in the long form."""
    return 60 if long_form else 3


async def some_confirmed(registry: Harness, count: int) -> None:
    """Wait until uploads are going on."""

    async def look() -> bool:
        return len(registry.ledger.confirmed) >= count

    await until_true(f"{count} uploads are confirmed", look)


@pytest.mark.parametrize("server", ["kafka", "minio", "mongo"])
async def test_a_server_killed_during_uploads_and_started_again_costs_nothing(
    registry: Harness, servers: Servers, uploads: int, server: str
) -> None:
    await registry.start_both(**RECONCILING)
    async with asyncio.TaskGroup() as group:
        group.create_task(upload_many(registry.uploader, registry.model, uploads))
        await some_confirmed(registry, uploads // 4)
        async with servers.killed(server):
            pass
    assert len(registry.ledger.confirmed) == uploads
    assert await registry.violations() == []


@pytest.mark.parametrize("server", ["mongo", "minio", "kafka"])
async def test_a_server_frozen_for_some_time_costs_nothing(
    registry: Harness,
    servers: Servers,
    uploads: int,
    frozen_seconds: float,
    long_form: bool,
    server: str,
) -> None:
    if server != "mongo" and not long_form:
        pytest.skip("the other servers are frozen in the long form")
    await registry.start_both(**RECONCILING)
    async with asyncio.TaskGroup() as group:
        group.create_task(upload_many(registry.uploader, registry.model, uploads))
        await some_confirmed(registry, uploads // 4)
        with servers.frozen(server):
            await asyncio.sleep(frozen_seconds)
    assert len(registry.ledger.confirmed) == uploads
    assert await registry.violations() == []


async def test_what_was_put_while_kafka_was_away_is_ready_long_before_the_next_comparison(
    registry: Harness, servers: Servers, uploads: int
) -> None:
    indexers = await registry.start_both(RECONCILE_INTERVAL_SECONDS="3600")
    await registry.start("indexer", RECONCILE_INTERVAL_SECONDS="3600")

    async def compared() -> bool:
        return await last_comparison_began(registry.view.database) is not None

    await until_true("the first comparison is done", compared)
    async with servers.killed("kafka"):
        await upload_many(registry.uploader, registry.model, uploads)
    assert len(registry.ledger.confirmed) == uploads
    assert await registry.violations() == []
    assert indexers[1].output().count('"Kafka is back"') == 1
