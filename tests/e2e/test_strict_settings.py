"""An ingest that makes no storage groups and whose URLs live for a second."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest

from local.processes.ports import HOST
from local.processes.state import SERVICES
from local.stack import PORTS, start_services, stop
from shared.runtime.settings import Settings
from tests.support.access import BEARER
from tests.support.api import Api, file_of
from tests.support.narrow import with_users
from tests.support.problems import broken_rule
from tests.support.system import NOTHING, Footprint, System

DATA = b"the declared bytes"


@pytest.fixture(scope="module")
def strict_url(
    settings: Settings, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A second ingest beside the running services, over the same database and bucket."""
    root = tmp_path_factory.mktemp("strict")
    same = {name: value for name, value in environment.items() if name not in PORTS.values()}
    changed = {"STORAGE_GROUPS_ALLOW_NEW": "false", "UPLOAD_URL_TTL_SECONDS": "1"}
    strict = with_users({**same, **changed})
    try:
        started = start_services(root, strict, "free", names=["ingest"])
        yield f"http://{HOST}:{started['REGISTRY_PORT']}"
    finally:
        stop(root, SERVICES)


@pytest.fixture(scope="module")
async def strict(strict_url: str, api: Api) -> AsyncIterator[Api]:
    async with httpx.AsyncClient(
        base_url=strict_url, headers=BEARER, trust_env=False, timeout=60
    ) as client:
        yield replace(api, ingest=client)


async def test_a_new_storage_group_is_refused_and_not_made(
    strict: Api, system: System, model: str
) -> None:
    group = model.replace(" ", "-")
    body = {"model": model, "files": [file_of("x.bin", DATA)], "storage_group": group}
    answer = await strict.ingest.post("/v1/uploads", json=body)
    rule = broken_rule(answer, "storage_group", "storage_group_unknown")
    assert group in rule
    assert await system.footprint(model) == NOTHING
    assert await system.database.storage_groups.find_one({"_id": group}) is None


async def test_a_storage_group_that_is_known_is_allowed(
    strict: Api, system: System, model: str
) -> None:
    session = await strict.open(
        model, file_of("x.bin", DATA), storage_group=system.settings.minio_bucket
    )
    assert session.storage_group == system.settings.minio_bucket


async def test_an_expired_url_is_refused_and_reading_the_session_gives_a_new_one(
    strict: Api, system: System, model: str
) -> None:
    session = await strict.open(model, file_of("x.bin", DATA))
    await asyncio.sleep(2.1)  # the life of the URL, which storage counts in whole seconds
    expired = await strict.send(session.files[0].put, DATA)
    assert expired.status_code == 403
    assert "expired" in expired.text.lower()
    assert await system.footprint(model) == Footprint(models=1, versions=1)

    renewed = await strict.session(session)
    await strict.put(renewed.files[0], DATA)
    await strict.ready(session)
