"""Whatever part of the line is killed or frozen, an alert of a real Prometheus names it in 15 s."""

import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local.processes.ports import HOST, choose_port
from local.processes.state import SERVICES
from local.stack import kill
from tests.processes.machine import Machine
from tests.support.eventually import eventually
from tests.support.frozen import frozen

pytestmark = pytest.mark.servers

OBSERVABILITY = Path(__file__).parents[2] / "deploy" / "observability"
LONGEST_SECONDS = 15.0
CALLED = {"mongo": "mongodb", "minio": "minio", "kafka": "kafka"}
"""Servers, as the figures name them."""
Ends = Callable[[Path, str], AbstractContextManager[None]]


@contextmanager
def killed(root: Path, name: str) -> Generator[None]:
    """Have a process be gone, without a word, during the block."""
    kill(root, name)
    yield


async def running(machine: Machine) -> None:
    await machine.start(*SERVICES)
    for service in SERVICES:
        await machine.until_it_waits_for(service)


@pytest.fixture(scope="module")
def prometheus(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Prometheus with the settings and rules of the checkout; yields its address."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    folder, port = tmp_path_factory.mktemp("prometheus"), choose_port("prometheus", "free", None)
    settings = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())
    for job in settings["scrape_configs"]:
        address = machine.url(job["job_name"]).removeprefix("http://")
        job["static_configs"] = [{"targets": [address]}]
    settings["rule_files"] = [str(OBSERVABILITY / "alerts.yml")]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    options = (
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={HOST}:{port}",
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen((program, *options), stdout=log, stderr=log)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(30)


async def asked(http: httpx.AsyncClient, path: str, **params: str) -> dict[str, Any] | None:
    """What Prometheus answers; None while it starts."""
    try:
        answer = await http.get(path, params=params)
    except httpx.TransportError:
        return None
    return answer.json()["data"] if answer.is_success else None


@pytest.mark.parametrize("ends", [frozen, killed])
@pytest.mark.parametrize("part", [*SERVICES, *CALLED])
async def test_an_alert_names_the_part_that_is_killed_or_frozen(
    machine: Machine, prometheus: str, part: str, ends: Ends
) -> None:
    await running(machine)
    wanted = {"alertname": "ServiceDown", "job": part}
    if part in CALLED:
        wanted = {"alertname": "ServerAway", "what": CALLED[part]}

    async with httpx.AsyncClient(trust_env=False, timeout=10, base_url=prometheus) as http:

        async def is_named() -> bool:
            alerts = (await asked(http, "/api/v1/alerts") or {})["alerts"]
            firing = [each["labels"] for each in alerts if each["state"] == "firing"]
            return any(wanted.items() <= labels.items() for labels in firing)

        async def is_well() -> bool | None:
            ready = await asked(http, "/api/v1/query", query="sum(registry_ready)")
            values = [float(each["value"][1]) for each in ready["result"]] if ready else []
            return True if values == [len(SERVICES)] and not await is_named() else None

        async def is_told() -> bool | None:
            return await is_named() or None

        await eventually(is_well, 60)
        with ends(machine.root, part):
            await eventually(is_told, LONGEST_SECONDS)
