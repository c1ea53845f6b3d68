"""The registry and MLflow, as a plan under fire needs them: changed, listened to, killed."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import httpx

from bench.common import BenchmarkError, System
from bench.small_uploads import open_uploads
from bench.webhook_figures import Change
from local import stack
from tests.support.eventually import eventually
from tests.support.mlflow_client import NEWEST
from tests.support.mlflow_server import MlflowFilled, mlflow_server
from tests.support.receiver import Received

MLFLOW = f"MLflow {NEWEST}"
TAG = "n"
WORKERS = 2
START_SECONDS = 240
PATIENCE = {"WEBHOOK_TIMEOUT_SECONDS": "1", "WEBHOOK_LONGEST_PAUSE_SECONDS": "1"}
KINDNESS = {
    "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "1",
    "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "6",
    "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS": "1000",
}
"""More than its defaults of 3 and 10, so that what waits for a retry holds up nothing else."""
LONGEST_PAUSE_SECONDS = 2**5 + 1
"""Of MLflow, with so many retries: 1 s, doubled each time from the second one on, and jitter."""


class Registry:
    """Ours: one process of each service."""

    def __init__(self, system: System, client: httpx.AsyncClient) -> None:
        self._system, self._client = system, client
        self._turns = cycle(("notifier", "indexer", "ingest"))

    async def subscribe(self, url: str) -> None:
        """Have a receiver told of every change."""
        asked = {"url": url, "models": ["*"], "types": ["registry.version.edited.v1"]}
        (await self._client.post("/v1/webhooks", json=asked)).raise_for_status()

    async def change(self, model: str, number: int) -> None:
        """Make a change; raises httpx.HTTPError where it is not known to be made."""
        answer = await self._client.patch(
            f"/v1/models/{model}/versions/1",
            content=json.dumps({"tags": {TAG: str(number)}}),
            headers={"content-type": "application/merge-patch+json"},
        )
        answer.raise_for_status()

    def read(self, received: Received) -> tuple[Change, str]:
        """Return of what a request tells, and by which id."""
        data = received.event["data"]
        return (data["model"], int(data["edit"]["after"]["tags"][TAG])), received.id

    async def kill(self) -> None:
        """End the next process as a crash would, and return when it is back."""
        name = next(self._turns)
        await asyncio.to_thread(stack.kill, self._system.root, name)
        await asyncio.to_thread(self._system.start, name)


@asynccontextmanager
async def open_registry(system: System, models: Sequence[str]) -> AsyncGenerator[Registry]:
    """Start the services, with a ready version of each model; they are stopped at the end."""
    system.fresh()
    allowed = {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_ALLOW_HTTP": "true"}
    system.start("ingest", "query", "indexer", "notifier", **allowed, **PATIENCE)
    async with open_uploads(system) as uploads:
        for model in models:
            await uploads.put(await uploads.open(model))
    async with _client(system, "query") as query, _client(system, "ingest") as ingest:
        for model in models:
            answer = await query.get(f"/v1/models/{model}/versions/1", params={"wait": 30})
            if answer.json().get("state") != "ready":
                raise BenchmarkError(f"not ready: {answer.text}")
        yield Registry(system, ingest)
    system.stop("notifier", "indexer", "query", "ingest")


def _client(system: System, service: str) -> httpx.AsyncClient:
    host, port = system.address(service)
    address = f"http://{host}:{port}"
    return httpx.AsyncClient(base_url=address, headers=system.bearer, trust_env=False, timeout=60)


class Mlflow:
    """Theirs: a server with two workers, each of which answers requests and delivers."""

    def __init__(self, server: MlflowFilled, log: Path) -> None:
        self._server, self._log = server, log
        self._serving = WORKERS

    async def subscribe(self, url: str) -> None:
        """Have a receiver told of every change."""
        events = [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]
        await self._server.post("webhooks", name=f"hook-{url[-10:-5]}", url=url, events=events)

    async def change(self, model: str, number: int) -> None:
        """Make a change; raises httpx.HTTPError where it is not known to be made."""
        tag = {"name": model, "version": "1", "key": TAG, "value": str(number)}
        path = "/api/2.0/mlflow/model-versions/set-tag"
        (await self._server.client.post(path, json=tag)).raise_for_status()

    def read(self, received: Received) -> tuple[Change, str]:
        """Return of what a request tells, and by which id."""
        data = received.event["data"]
        return (data["name"], int(data["value"])), received.headers["x-mlflow-delivery-id"]

    async def kill(self) -> None:
        """End the next process as a crash would, and return when it is back."""
        os.kill(min(_workers_below(self._server.pid)), signal.SIGKILL)
        self._serving += 1
        await self.started()

    async def started(self) -> None:
        """Wait until every worker has said that it serves."""

        async def told() -> bool | None:
            log = await asyncio.to_thread(self._log.read_text)
            return log.count("Application startup complete") >= self._serving or None

        await eventually(told, START_SECONDS)


def _workers_below(pid: int) -> list[int]:
    """Those processes of a server, at any depth, that answer its requests."""
    found: list[int] = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            command = Path(f"/proc/{child}/cmdline").read_text()
            found += [int(child)] * ("spawn_main" in command) + _workers_below(int(child))
        except FileNotFoundError:
            continue  # it has ended
    return found


@asynccontextmanager
async def open_mlflow(folder: Path, models: Sequence[str]) -> AsyncGenerator[Mlflow]:
    """Start MLflow's server in a folder, with a version of each model."""
    environment = {
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        **KINDNESS,
    }
    async with mlflow_server(folder, workers=WORKERS, **environment) as server:
        for model in models:
            await server.post("registered-models/create", name=model)
            await server.post("model-versions/create", name=model, source="s3://models/x")
        side = Mlflow(server, folder / "mlflow.log")
        await side.started()
        yield side


Side = Registry | Mlflow
