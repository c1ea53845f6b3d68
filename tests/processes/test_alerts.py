"""Whatever part of the line is killed or frozen, figures show it and an alert names it in 15 s."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local.processes.ports import HOST, choose_port
from local.processes.process import signal_process
from local.processes.state import SERVICES
from local.stack import kill, processes
from tests.processes.machine import Machine
from tests.support.eventually import eventually
from tests.support.figures import Figures

pytestmark = pytest.mark.servers

OBSERVABILITY = Path(__file__).parents[2] / "deploy" / "observability"
LONGEST_SECONDS = 15.0
TIMES: dict[str, str] = yaml.safe_load((OBSERVABILITY / "prometheus.yml").read_text())["global"]
SCRAPE_SECONDS = float(TIMES["scrape_timeout"].removesuffix("s"))
CALLED = {"mongo": "mongodb", "minio": "minio", "kafka": "kafka"}
"""Servers, as the figures name them."""
TELLS = {"mongo": SERVICES, "minio": ("ingest", "indexer"), "kafka": ("indexer", "notifier")}
"""Who needs each, and tells of it."""
Ends = Callable[[Machine, str], Any]


@contextmanager
def frozen(machine: Machine, name: str) -> Generator[None]:
    record = processes(machine.root)[name]
    assert signal_process(record.pid, record.identity, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_process(record.pid, record.identity, signal.SIGCONT)


@contextmanager
def killed(machine: Machine, name: str) -> Generator[None]:
    kill(machine.root, name)
    yield


async def running(machine: Machine) -> None:
    await machine.start(*SERVICES)
    for service in SERVICES:
        await machine.until_it_waits_for(service)


async def scrape(machine: Machine, service: str) -> Figures | None:
    """Scrape as Prometheus does; None where the service is down for it."""
    async with httpx.AsyncClient(trust_env=False, timeout=SCRAPE_SECONDS) as http:
        try:
            async with asyncio.timeout(SCRAPE_SECONDS):
                return await Figures.of(http, machine.url(service))
        except (TimeoutError, httpx.TransportError):
            return None


@pytest.mark.parametrize("service", SERVICES)
async def test_a_frozen_service_answers_no_scrape(machine: Machine, service: str) -> None:
    await running(machine)
    with frozen(machine, service):
        assert await scrape(machine, service) is None
        for other in set(SERVICES) - {service}:
            assert await scrape(machine, other) is not None


@pytest.mark.parametrize("server", TELLS)
async def test_who_needs_a_frozen_server_tells_of_it_and_answers_its_scrapes(
    machine: Machine, server: str
) -> None:
    await running(machine)

    async def tells(service: str) -> None:
        async def look() -> bool | None:
            found = await scrape(machine, service)
            assert found is not None, "a server that hangs keeps no figure of ours"
            return found.value("registry_waits_for", what=CALLED[server]) > 0 or None

        await eventually(look, LONGEST_SECONDS)

    with frozen(machine, server):
        await asyncio.gather(*map(tells, TELLS[server]))


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
        with ends(machine, part):
            await eventually(is_told, LONGEST_SECONDS)
