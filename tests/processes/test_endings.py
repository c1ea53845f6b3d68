"""SIGTERM in the middle of something: the process ends within its limit and nothing is lost."""

import asyncio
import os

import pytest

from local.processes.ports import HOST
from local.processes.state import SERVERS, SERVICES
from registry.schemas import UploadSession
from shared.database.client import Database
from shared.domain.records import VersionRecord
from shared.runtime.settings import MIB
from tests.processes.machine import Machine
from tests.support.api import Api, file_of, sha256_of
from tests.support.eventually import eventually
from tests.support.valve import Valve, valve_before

pytestmark = pytest.mark.servers

LARGE = os.urandom(8 * MIB)


async def indexer_behind(valve: Valve, machine: Machine) -> None:
    """Have the indexer reach storage through the valve."""
    await machine.start("ingest", "query")
    await machine.stop("indexer")
    await machine.launch("indexer", MINIO_ENDPOINT=f"{HOST}:{valve.port}")
    await machine.until_it_waits_for("indexer")


async def held_up(valve: Valve, machine: Machine, api: Api, model: str) -> UploadSession:
    """Upload a file, and have the indexer wait for storage in the middle of its batch."""
    await indexer_behind(valve, machine)
    valve.shut()
    session = await api.open(model, file_of("model.bin", b"bytes"))
    await api.put(session.files[0], b"bytes")
    await valve.waiting.wait()
    return session


async def test_in_the_middle_of_a_batch_it_is_handled_by_the_next_process(
    machine: Machine, api: Api, model: str
) -> None:
    await machine.start()
    async with valve_before(machine.settings.minio_endpoint) as valve:
        session = await held_up(valve, machine, api, model)
        await machine.terminate("indexer")
    assert (await api.version(model, 1)).state == "pending"
    await machine.start("indexer")
    await api.ready(session)


async def test_a_batch_that_can_end_ends_before_the_process(
    machine: Machine, api: Api, model: str
) -> None:
    await machine.start()
    async with valve_before(machine.settings.minio_endpoint) as valve:
        await held_up(valve, machine, api, model)
        ending = asyncio.create_task(machine.terminate("indexer"))
        valve.open()
        await ending
    assert (await api.version(model, 1)).state == "ready"


async def test_in_the_middle_of_a_full_read_the_work_is_given_back(
    machine: Machine, api: Api, database: Database, model: str
) -> None:
    await machine.start()
    async with valve_before(machine.settings.minio_endpoint) as valve:
        await indexer_behind(valve, machine)
        session = await api.open(model, file_of("model.bin", LARGE, digest=False))
        valve.shut(passes_bytes=MIB)  # enough for everything but the whole object
        await api.put(session.files[0], LARGE)
        await valve.waiting.wait()

        async def taken() -> VersionRecord | None:
            found = await database.versions.find_one({"_id": session.version_id})
            record = VersionRecord.model_validate(found)
            return record if record.work and record.work.token else None

        await eventually(taken)
        await machine.terminate("indexer")
        given_back = await database.versions.find_one({"_id": session.version_id})
        assert given_back is not None
        assert (given_back["work"]["token"], given_back["work"]["attempts"]) == (None, 0)
    await machine.start("indexer")
    assert (await api.ready(session)).artifacts[0].sha256 == sha256_of(LARGE)


async def test_a_request_under_way_is_answered(machine: Machine, api: Api, model: str) -> None:
    await machine.start(*SERVICES)
    session = await api.open(model, file_of("model.bin", b"bytes"))
    waiting = asyncio.create_task(api.version(model, 1, wait=2))
    await api.version(model, 1)  # by then the one before is waited for
    await machine.terminate("query")
    assert (await waiting).id == session.version_id


async def test_a_service_ends_in_order_though_its_servers_are_away(machine: Machine) -> None:
    await machine.start(*SERVICES)
    for server in SERVERS:
        await machine.stop(server)
    for service in SERVICES:
        await machine.terminate(service)
    # And so does one that has never met them.
    for service in SERVICES:
        await machine.launch(service)
        await machine.until_it_answers(service)
        await machine.terminate(service)
