"""Ingest turns away what is too much, stays alive, and clients come again."""

import asyncio
from uuid import uuid4

import pytest

from local.processes.state import SERVICES
from registry import AsyncModelRegistryClient
from tests.processes.machine import Machine
from tests.support.access import ADMIN_TOKEN
from tests.support.api import Api
from tests.support.problems import problem

pytestmark = pytest.mark.servers


async def test_more_requests_than_it_may_work_on_are_told_to_come_again(
    machine: Machine, api: Api
) -> None:
    await machine.start(*SERVICES)
    model = f"model-{uuid4().hex[:12]}"
    body = {"model": model, "files": [{"path": "model.bin", "size_bytes": 5}]}
    answers = await asyncio.gather(
        *(api.ingest.post("/v1/uploads", json=body) for _ in range(40)),
    )
    health = await asyncio.gather(
        *(machine.http.get(f"{machine.url('ingest')}/health/ready") for _ in range(10))
    )
    refused = [answer for answer in answers if answer.status_code != 201]
    assert refused, "40 at once are more than two"
    assert len(refused) < len(answers), "some are worked on"
    for answer in refused:
        problem(answer, 429, "too_many_requests")
        assert int(answer.headers["Retry-After"]) >= 1
    assert {answer.status_code for answer in health} == {200}


async def test_the_client_comes_again_until_it_is_served(machine: Machine) -> None:
    await machine.start(*SERVICES)
    services = (machine.settings.ingest_url, machine.settings.query_url)
    async with AsyncModelRegistryClient(
        machine.url("ingest"), token=ADMIN_TOKEN, origins=services
    ) as client:
        versions = await asyncio.gather(
            *(client.upload(f"crowd-{n}", b"bytes", path="model.bin") for n in range(6))
        )
    assert [version.state for version in versions] == ["ready"] * 6
