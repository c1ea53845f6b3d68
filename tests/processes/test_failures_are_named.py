"""What is killed or frozen is named within 15 seconds: by the page, by figures, by the doctor."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from local.processes.state import SERVICES
from registry.cli.exit_codes import ExitCode
from tests.processes.machine import Machine
from tests.support.access import ADMIN_TOKEN, client_of
from tests.support.api import Api
from tests.support.browser import signed_in
from tests.support.doctor import examine
from tests.support.eventually import eventually
from tests.support.figures import Figures
from tests.support.frozen import frozen

pytestmark = pytest.mark.servers

LONGEST_SECONDS = 15.0
SCRAPE_SECONDS = 4.0
"""As deploy/observability/prometheus.yml has it."""
OF_DOCTOR = {
    "ingest": ("registry", "http://"),
    "query": ("query", "http://"),
    "indexer": ("indexer", "http://"),
    "notifier": ("notifier", "http://"),
    "kafka": ("kafka", "no broker answers"),
    "minio": ("storage", "http://"),
    "mongo": ("ingest", "MongoDB"),
}
"""The finding that tells of each, and what it says: what is silent, by its address."""
OF_PAGE = {
    "ingest": r'part bad">\s*<strong>ingest',
    "indexer": r'part bad">\s*<strong>indexer',
    "notifier": r'part bad">\s*<strong>notifier',
    "kafka": r'part bad">\s*<strong>indexer|Kafka',
    "minio": "MinIO",
    "mongo": "MongoDB",
}
"""How each is told on the overview; there is none without query."""
OF_FIGURES = {
    "mongo": ("mongodb", SERVICES),
    "minio": ("minio", ("ingest", "indexer")),
    "kafka": ("kafka", ("indexer", "notifier")),
}
"""What each server is called in figures, and who needs it and tells of it."""


@asynccontextmanager
async def running(machine: Machine, api: Api) -> AsyncGenerator[httpx.AsyncClient]:
    """Have everything running and well; yields a browser of somebody who has signed in."""
    await machine.start(*SERVICES)
    for service in SERVICES:
        await machine.until_it_waits_for(service)
    async with client_of(machine.settings, ADMIN_TOKEN) as client:
        await client.upload("doctor", b"weights", path="m.bin")
    async with signed_in(api, ADMIN_TOKEN) as browser:
        # What was told of the part of the test before is kept a while.
        await eventually(partial(_is_well, browser), 60)
        yield browser


async def _is_well(browser: httpx.AsyncClient) -> bool | None:
    page = (await browser.get("/ui/overview/parts")).text
    return ("part good" in page and "part bad" not in page) or None


async def named_by_doctor(machine: Machine, part: str) -> None:
    found = await asyncio.to_thread(examine, machine, ExitCode.UNAVAILABLE)
    finding, text = OF_DOCTOR[part]
    assert found[finding]["state"] == "failure"
    assert text in found[finding]["found"]
    assert found[finding]["remedy"]
    if part == "ingest":  # query tells what it would have told
        assert {found[each]["state"] for each in ("search", "storage", "kafka", "token")} == {"ok"}


async def named_by_page(browser: httpx.AsyncClient, part: str) -> None:
    async def look() -> bool | None:
        page = (await browser.get("/ui/overview/parts")).text
        return bool(re.search(OF_PAGE[part], page)) or None

    if part in OF_PAGE:
        await eventually(look, LONGEST_SECONDS)


async def named_by_figures(machine: Machine, part: str) -> None:
    if part in SERVICES:
        assert await scrape(machine, part) is None
        for other in set(SERVICES) - {part}:
            assert await scrape(machine, other) is not None
        return
    called, who_tells = OF_FIGURES[part]

    async def look(service: str) -> bool | None:
        found = await scrape(machine, service)
        return (found is not None and found.value("registry_waits_for", what=called) > 0) or None

    for service in who_tells:
        await eventually(partial(look, service), LONGEST_SECONDS)


async def scrape(machine: Machine, service: str) -> Figures | None:
    """Scrape as Prometheus does; None where the service is down for it."""
    async with httpx.AsyncClient(trust_env=False, timeout=SCRAPE_SECONDS) as http:
        try:
            async with asyncio.timeout(SCRAPE_SECONDS):
                return await Figures.of(http, machine.url(service))
        except (TimeoutError, httpx.TransportError):
            return None


async def named(machine: Machine, browser: httpx.AsyncClient, part: str) -> None:
    await asyncio.gather(named_by_doctor(machine, part), named_by_page(browser, part))
    await named_by_figures(machine, part)


@pytest.mark.parametrize("part", OF_DOCTOR)
async def test_a_frozen_part_is_named(machine: Machine, api: Api, part: str) -> None:
    async with running(machine, api) as browser:
        with frozen(machine.root, part):
            await named(machine, browser, part)


@pytest.mark.parametrize("part", OF_DOCTOR)
async def test_a_part_that_ended_is_named(machine: Machine, api: Api, part: str) -> None:
    async with running(machine, api) as browser:
        await machine.stop(part)
        await named(machine, browser, part)


async def test_a_registry_that_is_well_has_nothing_to_mend(machine: Machine, api: Api) -> None:
    async with running(machine, api):
        found = await asyncio.to_thread(examine, machine, ExitCode.OK)
    assert {each["state"] for each in found.values()} == {"ok"}
    assert not any(each["remedy"] for each in found.values())


async def test_a_wrong_token_is_told(machine: Machine, api: Api) -> None:
    async with running(machine, api):
        found = await asyncio.to_thread(
            examine, machine, ExitCode.UNAVAILABLE, "mr_nobody_0123456789"
        )
    assert [name for name, each in found.items() if each["state"] == "failure"] == ["token"]
    assert "registry login" in found["token"]["remedy"]
