"""The overview names each part of the line that is killed or frozen, within 15 seconds."""

import asyncio
import re

import httpx
import pytest

from local.processes.state import SERVICES
from tests.processes.machine import Machine
from tests.support.access import ADMIN_TOKEN
from tests.support.api import Api
from tests.support.browser import signed_in
from tests.support.frozen import frozen

pytestmark = pytest.mark.servers

LONGEST_SECONDS = 15.0
NAMED_BY = {
    "ingest": r'part bad">\s*<strong>ingest',
    "indexer": r'part bad">\s*<strong>indexer',
    "notifier": r'part bad">\s*<strong>notifier',
    "kafka": r'part bad">\s*<strong>indexer|Kafka',
    "minio": "MinIO",
    "mongo": "MongoDB",
}
"""How each is told on the page, or by the page that says why there is none."""


async def running(machine: Machine) -> None:
    await machine.start(*SERVICES)
    for service in SERVICES:
        await machine.until_it_waits_for(service)


async def until_named(browser: httpx.AsyncClient, pattern: str) -> None:
    """Load the page as a browser does that keeps it open, until it names the part."""
    async with asyncio.timeout(LONGEST_SECONDS):
        while not re.search(pattern, (await browser.get("/ui/overview/parts")).text):
            pass


async def until_well(browser: httpx.AsyncClient) -> None:
    """Load it until it names none: what was told of the part of the test before is kept a while."""
    async with asyncio.timeout(60):
        while not _is_well((await browser.get("/ui/overview/parts")).text):
            pass


def _is_well(page: str) -> bool:
    return "part good" in page and "part bad" not in page


@pytest.mark.parametrize("name", NAMED_BY)
async def test_a_frozen_part_is_named(machine: Machine, api: Api, name: str) -> None:
    await running(machine)
    async with signed_in(api, ADMIN_TOKEN) as browser:
        await until_well(browser)
        with frozen(machine.root, name):
            await until_named(browser, NAMED_BY[name])


@pytest.mark.parametrize("name", NAMED_BY)
async def test_a_part_that_ended_is_named(machine: Machine, api: Api, name: str) -> None:
    await running(machine)
    async with signed_in(api, ADMIN_TOKEN) as browser:
        await until_well(browser)
        await machine.stop(name)
        await until_named(browser, NAMED_BY[name])
