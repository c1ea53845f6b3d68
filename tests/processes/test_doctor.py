"""`registry doctor` names each part of the line that is killed or frozen."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from local.processes.state import SERVICES
from registry.cli.exit_codes import ExitCode
from tests.processes.machine import Machine
from tests.support.access import ADMIN_TOKEN, client_of
from tests.support.frozen import frozen

pytestmark = pytest.mark.servers

CODE = "from registry.cli import main; main()"
PARTS = ("ingest", "query", "indexer", "notifier", "kafka", "minio", "mongo")
NAMED_BY = {
    "ingest": ("registry", "http://"),
    "query": ("query", "http://"),
    "indexer": ("indexer", "http://"),
    "notifier": ("notifier", "http://"),
    "kafka": ("kafka", "no broker answers"),
    "minio": ("storage", "http://"),
    "mongo": ("ingest", "MongoDB"),
}
"""The finding that tells of each, and what it says: what is silent, by its address."""


def examine(machine: Machine, status: int, token: str = ADMIN_TOKEN) -> dict[str, Any]:
    """Run the command and return its findings by their names."""
    environment = {
        **os.environ,
        "REGISTRY_TOKEN": token,
        "REGISTRY_ORIGINS": f"{machine.settings.ingest_url},{machine.settings.query_url}",
        "NO_PROXY": "*",
    }
    workers = (f"--{name}-url={machine.url(name)}" for name in ("query", "indexer", "notifier"))
    command = (sys.executable, "-c", CODE, "doctor", "--json", *workers)
    done = subprocess.run(
        (*command, "--url", machine.url("ingest")),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert token not in done.stdout + done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)["findings"]}


async def running(machine: Machine) -> None:
    await machine.start(*SERVICES)
    for service in SERVICES:
        await machine.until_it_waits_for(service)
    async with client_of(machine.settings, ADMIN_TOKEN) as client:
        await client.upload("doctor", b"weights", path="m.bin")


async def test_a_registry_that_is_well_has_nothing_to_mend(machine: Machine) -> None:
    await running(machine)
    found = examine(machine, ExitCode.OK)
    assert {each["state"] for each in found.values()} == {"ok"}
    assert not any(each["remedy"] for each in found.values())


async def test_a_wrong_token_is_told(machine: Machine) -> None:
    await running(machine)
    found = examine(machine, ExitCode.UNAVAILABLE, token="mr_nobody_0123456789")
    assert [name for name, each in found.items() if each["state"] == "failure"] == ["token"]
    assert "registry login" in found["token"]["remedy"]


@pytest.mark.parametrize("name", PARTS)
async def test_a_frozen_part_is_named(machine: Machine, name: str) -> None:
    await running(machine)
    with frozen(machine.root, name):
        found = examine(machine, ExitCode.UNAVAILABLE)
    finding, text = NAMED_BY[name]
    assert found[finding]["state"] == "failure"
    assert text in found[finding]["found"]
    assert found[finding]["remedy"]
    if name == "ingest":  # query tells what it would have told
        assert {found[each]["state"] for each in ("search", "storage", "kafka", "token")} == {"ok"}


@pytest.mark.parametrize("name", PARTS)
async def test_a_part_that_ended_is_named(machine: Machine, name: str) -> None:
    await running(machine)
    await machine.stop(name)
    found = examine(machine, ExitCode.UNAVAILABLE)
    finding, text = NAMED_BY[name]
    assert found[finding]["state"] == "failure"
    assert text in found[finding]["found"]
