"""Services start without their servers, say what they wait for, and outlive every absence."""

import pytest

from local.processes import supervisor
from local.processes.process import start_process
from local.processes.state import SERVERS, SERVICES
from tests.processes.machine import Machine

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def as_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services are programs of their own here, as elsewhere than in tests: nothing is forked."""
    monkeypatch.setattr(supervisor, "start_process", start_process)


async def test_services_wait_for_their_servers_and_say_so(machine: Machine) -> None:
    for name in (*SERVICES, *SERVERS):  # which earlier tests may have started
        await machine.stop(name)
    for service in SERVICES:
        await machine.launch(service)
    waited_for = {
        "indexer": ["Kafka"],
        "notifier": ["Kafka"],
        "ingest": ["MongoDB", "MinIO"],
        "query": ["MongoDB"],
    }
    for service, names in waited_for.items():
        await machine.until_it_waits_for(service, *names)
        assert await machine.is_live(service)
    await machine.start()
    for service in SERVICES:
        await machine.until_it_waits_for(service)


@pytest.mark.parametrize(
    ("server", "name", "needed_by"),
    [
        ("kafka", "Kafka", ["indexer", "notifier"]),
        ("mongo", "MongoDB", ["indexer", "ingest", "notifier", "query"]),
        ("minio", "MinIO", ["indexer", "ingest"]),
    ],
)
async def test_a_service_is_unready_while_a_server_is_away_and_ready_once_it_is_back(
    machine: Machine, server: str, name: str, needed_by: list[str]
) -> None:
    await machine.start(*SERVICES)
    await machine.stop(server)
    for service in needed_by:
        await machine.until_it_names(service, name)
        assert await machine.is_live(service)
    for service in set(SERVICES) - set(needed_by):
        assert await machine.waits_for(service) == []
    await machine.start()
    for service in SERVICES:
        await machine.until_it_waits_for(service)
