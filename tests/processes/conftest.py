"""Servers and services of these tests alone, since they are stopped and started here."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.environment import ensure_credentials
from local.processes.state import SERVERS, SERVICES
from local.processes.supervisor import Supervisor
from local.servers.services import PORT_SETTINGS
from local.stack import recorded_settings, stop
from shared.database.client import Database, open_database
from shared.runtime.settings import MIB
from tests.processes.machine import Machine
from tests.support.access import BEARER
from tests.support.api import Api
from tests.support.isolation import isolated

REQUESTS = 2
"""Requests that ingest works on at once here."""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the processes, which are stopped at the end."""
    path = tmp_path_factory.mktemp("processes")
    try:
        yield path
    finally:
        stop(path)


@pytest.fixture(scope="session")
async def machine(root: Path) -> AsyncIterator[Machine]:
    """Addresses of servers and services, none of which runs yet."""
    credentials = ensure_credentials(root / "credentials.env")
    chosen = Supervisor(root).choose_ports((*SERVERS, "kafka-controller", *SERVICES), "free")
    ports = {PORT_SETTINGS[name]: str(chosen[name]) for name in SERVICES}
    environment = {
        **isolated({**recorded_settings(root), **ports}),
        "MINIO_ACCESS_KEY": credentials["MINIO_ACCESS_KEY"],
        "MINIO_SECRET_KEY": credentials["MINIO_SECRET_KEY"],
        "INGEST_MAX_REQUESTS": str(REQUESTS),
        "UPLOAD_SINGLE_PUT_MAX_BYTES": str(64 * MIB),
    }
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        yield Machine(root, environment, http)


@pytest.fixture
async def api(machine: Machine) -> AsyncIterator[Api]:
    """An uploader's HTTP clients."""

    def client(**fields: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(trust_env=False, timeout=60, **fields)

    async with (
        client(base_url=machine.url("ingest"), headers=BEARER) as ingest,
        client(base_url=machine.url("query"), headers=BEARER) as query,
        client() as storage,
    ):
        yield Api(ingest, query, storage)


@pytest.fixture
async def database(machine: Machine) -> AsyncIterator[Database]:
    """The services' database."""
    async with open_database(machine.settings) as opened:
        yield opened
