"""The registry as it runs: three processes over real servers, one set for each test worker."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Page

from local.processes.ports import HOST
from local.servers.services import PORT_SETTINGS
from registry import AsyncModelRegistryClient
from shared.database.client import open_database
from shared.runtime.settings import Settings
from tests.support.access import bearer, client_of, token_of
from tests.support.api import MIB, Api
from tests.support.chromium import open_page
from tests.support.isolation import isolated, settings_of
from tests.support.narrow import narrow_services, with_users
from tests.support.s3 import s3_client
from tests.support.servers import CHOICE, RUNNING, Addresses
from tests.support.system import System


@pytest.fixture(scope="session")
def environment(addresses: Addresses) -> dict[str, str]:
    """Settings of who provisions the services; parts as small as S3 allows."""
    if _is_running():
        return dict(addresses)
    return with_users(
        {
            **isolated(addresses),
            "STORAGE_GROUPS_NEW_NAMES": "model-*,earlier-*,test-*-group,test-*-silent",
            "UPLOAD_SINGLE_PUT_MAX_BYTES": str(MIB),
            "UPLOAD_PART_SIZE_BYTES": str(5 * MIB),
        }
    )


@pytest.fixture(scope="session")
def settings(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """What the running services were started with, but for their users: an administrator's."""
    with ExitStack() as stack:
        if not _is_running():
            root = tmp_path_factory.mktemp("services")
            environment = stack.enter_context(narrow_services(root, environment))
        found = settings_of(environment)
        # What our client and its command find: the administrator's token, and both services.
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("REGISTRY_TOKEN", token_of(found))
        patch.setenv("REGISTRY_ORIGINS", f"{found.ingest_url},{found.query_url}")
        yield found


def _is_running() -> bool:
    """Whether the services are somebody else's; they must have the small parts of these tests."""
    return os.environ.get(CHOICE) == RUNNING


@pytest.fixture(scope="session")
async def system(settings: Settings) -> AsyncIterator[System]:
    """The running registry, and ways to look behind its services."""
    async with open_database(settings) as database:
        yield System(settings, database, s3_client(settings))


@pytest.fixture(scope="session")
async def api(settings: Settings) -> AsyncIterator[Api]:
    """An uploader's HTTP clients."""
    ingest = f"http://{HOST}:{settings.registry_port}"
    query = f"http://{HOST}:{settings.query_port}"
    options: dict[str, Any] = {"trust_env": False, "timeout": 60}
    async with (
        httpx.AsyncClient(base_url=ingest, headers=bearer(settings), **options) as to_ingest,
        httpx.AsyncClient(base_url=query, headers=bearer(settings), **options) as to_query,
        httpx.AsyncClient(**options) as to_storage,
    ):
        yield Api(to_ingest, to_query, to_storage)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[AsyncModelRegistryClient]:
    """The administrator's client."""
    async with client_of(settings, token_of(settings)) as found:
        yield found


@pytest.fixture
def wiped(environment: dict[str, str]) -> dict[str, str]:
    """The same servers, bucket and topics with a database that has nothing."""
    ports = PORT_SETTINGS.values()
    kept = {name: value for name, value in environment.items() if name not in ports}
    return with_users({**kept, "MONGODB_DB": f"test_{uuid4().hex[:12]}"})


@pytest.fixture
async def page(settings: Settings) -> AsyncIterator[Page]:
    """A page of query in Chromium."""
    async with open_page(settings) as opened:
        yield opened
