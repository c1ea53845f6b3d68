"""A real MLflow server: SQLite, files in a folder, and versions that came by its own interface."""

import asyncio
import hashlib
import os
import random
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.client_environments import client_environment
from tests.support.eventually import eventually
from tests.support.mlflow_client import NEWEST

START_SECONDS: Final = 240.0  # it makes its tables first, step by step
NEEDED: Final = (
    *("sqlalchemy", "alembic", "flask", "flask-cors", "graphene", "cryptography", "docker"),
    *("huey", "numpy", "pandas", "aiohttp"),
)
"""What a server takes beside the skinny client: the rest of MLflow is for training."""
AT_ONCE: Final = 4


@dataclass(frozen=True)
class Filled:
    """A version as it was put there."""

    tags: Mapping[str, str]
    description: str
    metrics: Mapping[str, float]
    parameters: Mapping[str, str]
    files: Mapping[str, bytes]
    run_id: str

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 by path, of the files that have a byte."""
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items() if data}


@dataclass
class MlflowFilled:
    """A running server, and what it was filled with, by model and number."""

    address: str
    client: httpx.AsyncClient
    pid: int
    versions: dict[str, dict[int, Filled]] = field(default_factory=dict[str, dict[int, Filled]])

    async def post(self, path: str, **body: Any) -> Any:
        """Ask for a change."""
        return await self._asked("POST", path, body)

    async def delete(self, path: str, **body: Any) -> Any:
        """Ask for something to be removed."""
        return await self._asked("DELETE", path, body)

    async def fill(self, model: str, count: int, *, size_bytes: int = 2000) -> None:
        """Make a model with so many versions, of which every fifth is a run's with a metric."""
        await self.post("registered-models/create", name=model, description=f"About {model}.")
        found = self.versions.setdefault(model, {})
        turn = asyncio.Semaphore(AT_ONCE)

        async def put(index: int) -> str:
            async with turn:
                return await self._put_files(model, index, size_bytes)

        runs = await asyncio.gather(*map(put, range(1, count + 1)))
        for number, run_id in enumerate(runs, 1):  # in their order: the server numbers them
            found[number] = await self._register(model, number, run_id, size_bytes)

    async def _put_files(self, model: str, index: int, size_bytes: int) -> str:
        made = await self.post("runs/create", experiment_id="0", start_time=1)
        run = made["run"]["info"]
        metrics = [{"key": "val.auc", "value": index / 1000, "timestamp": 1, "step": 0}]
        params = [{"key": "depth", "value": str(index)}]
        await self.post("runs/log-batch", run_id=run["run_id"], metrics=metrics, params=params)
        root = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
        for path, data in _files(model, index, size_bytes).items():
            answer = await self.client.put(
                f"/api/2.0/mlflow-artifacts/artifacts/{root}/model/{path}", content=data
            )
            answer.raise_for_status()
        return run["run_id"]

    async def _register(self, model: str, number: int, run_id: str, size_bytes: int) -> Filled:
        tags = {"team.owner": "risk", "number": str(number)}
        description = f"Version {number}."
        made = await self.post(
            "model-versions/create",
            name=model,
            source=f"mlflow-artifacts:/0/{run_id}/artifacts/model",
            run_id=run_id,
            description=description,
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        assert made["model_version"]["version"] == str(number)
        files = _files(model, number, size_bytes)
        return Filled(
            tags, description, {"val.auc": number / 1000}, {"depth": str(number)}, files, run_id
        )

    async def _asked(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        answer = await self.client.request(method, f"/api/2.0/mlflow/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()


WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Nothing here asks its queues of jobs, which take a good part of a core while they wait."""


@asynccontextmanager
async def mlflow_server(
    folder: Path, *, workers: int = 1, **environment: str
) -> AsyncGenerator[MlflowFilled]:
    """Start a server with nothing in it, and end it; its log is `mlflow.log` in the folder."""
    programs = await asyncio.to_thread(client_environment, f"mlflow-skinny=={NEWEST}", *NEEDED)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [
        *(str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", str(workers)),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]
    with (folder / "mlflow.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, **WITHOUT_JOBS, **environment},
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=60) as client:

                async def healthy() -> bool | None:
                    try:
                        return (await client.get("/health")).is_success or None
                    except httpx.TransportError:
                        assert process.returncode is None, (folder / "mlflow.log").read_text()
                        return None

                await eventually(healthy, START_SECONDS)
                yield MlflowFilled(address, client, process.pid)
        finally:
            if process.returncode is None:
                process.terminate()  # it ends its worker
                await process.wait()


def _files(model: str, index: int, size_bytes: int) -> dict[str, bytes]:
    made = random.Random(f"{model}/{index}")  # noqa: S311 - to be different, not secret
    return {
        "MLmodel": f"run_id: {index}\n".encode(),
        "data/weights.bin": made.randbytes(size_bytes),
        "code/__init__.py": b"",
    }
