"""Pulling by OCI clients: a version by tag, alias or digest; its files come from storage."""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from registry.schemas import Version
from shared.runtime.settings import Settings
from tests.support.access import client_of, token_of
from tests.support.api import MIB, Api, file_of, sha256_of
from tests.support.client_environments import client_environment, run_client
from tests.support.eventually import eventually
from tests.support.oras_program import oras_program
from tests.support.traffic import counted_before

LARGE = os.urandom(6 * MIB + 321)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Published:
    """A model of two ready versions."""

    model: str
    versions: list[Version]
    files: list[dict[str, bytes]]


@dataclass(frozen=True)
class Oras:
    """The program, whom it asks, and as whom."""

    program: Path
    address: str
    token: str
    home: Path

    async def run(self, *command: str | Path, token: str | None = None) -> tuple[int, str]:
        """Run it; returns its exit code and what it printed."""
        credential = ["--username", "anybody", "--password", token or self.token]
        done = await asyncio.to_thread(
            run_client, self.program, *command, "--plain-http", *credential, folder=self.home
        )
        return done.returncode, done.stdout + done.stderr

    async def pull(self, reference: str, to: Path) -> dict[str, bytes]:
        """Pull an artifact into a folder; returns its files."""
        code, said = await self.run("pull", f"{self.address}/{reference}", "--output", to)
        assert code == 0, said
        return files_below(to)


def files_below(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
async def published(
    settings: Settings, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> Published:
    """Version 1 with the label 1.0; 2, at which @production points, with two equal files."""
    model = f"oci{uuid4().hex[:8]}.churn"
    same = os.urandom(500)
    contents = [
        {"config.json": b"{}", "weights/a.bin": os.urandom(1000)},
        {"config.json": b"[]", "weights/a.bin": LARGE, "b.bin": same, "c/b.bin": same},
    ]
    versions: list[Version] = []
    async with client_of(settings, token_of(settings)) as client:
        for files, label in zip(contents, ("1.0", None), strict=True):
            folder = tmp_path_factory.mktemp("source")
            for path, data in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)
            versions.append(await client.upload(model, folder, version=label))
        await client.set_alias(model, "production", 2)
    await api.open(model, file_of("model.bin", b"bytes"))  # number 3 is pending
    found = Published(model, versions, contents)
    await is_confirmed(api, model, 2)
    return found


async def is_confirmed(api: Api, model: str, number: int) -> None:
    """Return once every SHA-256 of a version is computed."""

    async def every_digest() -> bool | None:
        version = await api.version(model, number)
        return all(each.sha256_state == "verified" for each in version.artifacts) or None

    await eventually(every_digest)


@pytest.fixture(scope="module")
async def oras(
    settings: Settings, published: Published, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> Oras:
    """A reader of the model."""
    program = await asyncio.to_thread(oras_program)
    token = (await api.token(f"reader:{published.model}")).token
    return Oras(program, f"{HOST}:{settings.query_port}", token, tmp_path_factory.mktemp("home"))


async def test_a_version_is_pulled_by_each_of_its_names(
    oras: Oras, published: Published, api: Api, tmp_path: Path
) -> None:
    slashed = published.model.replace(".", "/")
    answer = await api.query.head(f"/v2/{published.model}/manifests/1")
    digest = answer.headers["docker-content-digest"]
    references = {
        f"{published.model}:1": 1,
        f"{published.model}:1.0": 1,
        f"{published.model}@{digest}": 1,
        f"{slashed}:v2": 2,
        f"{slashed}:production": 2,
        f"{slashed}:latest": 2,
    }
    for place, (reference, number) in enumerate(references.items()):
        found = await oras.pull(reference, tmp_path / str(place))
        assert found == published.files[number - 1], reference
