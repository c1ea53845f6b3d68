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
from services.query.oci.packages import KnownPackages
from shared.database.versions import Versions
from shared.runtime.settings import Settings
from tests.support.access import client_of, token_of
from tests.support.api import MIB, Api, file_of, sha256_of
from tests.support.client_environments import client_environment, run_client
from tests.support.eventually import eventually
from tests.support.oras_program import oras_program
from tests.support.system import System
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

    async def run(self, *command: str | Path, token: str | None = None) -> tuple[int, str, str]:
        """Run it; returns its exit code, what it printed, and what it said besides."""
        credential = ["--username", "anybody", "--password", token or self.token]
        done = await asyncio.to_thread(
            run_client, self.program, *command, "--plain-http", *credential, folder=self.home
        )
        return done.returncode, done.stdout, done.stderr

    async def pull(self, reference: str, to: Path) -> dict[str, bytes]:
        """Pull an artifact into a folder; returns its files."""
        code, _, said = await self.run("pull", f"{self.address}/{reference}", "--output", to)
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


async def test_no_byte_of_a_model_passes_through_query(
    oras: Oras, published: Published, settings: Settings, tmp_path: Path
) -> None:
    async with counted_before(settings.query_port) as traffic:
        address = traffic.url.removeprefix("http://")
        reader = Oras(oras.program, address, oras.token, oras.home)
        assert await reader.pull(f"{published.model}:2", tmp_path) == published.files[1]
    assert traffic.answered_bytes < 10_000 < len(LARGE)


async def test_a_manifest_names_each_file_as_model_packages_do(
    oras: Oras, published: Published
) -> None:
    reference = f"{oras.address}/{published.model}:2"
    code, said, _ = await oras.run("manifest", "fetch", reference)
    assert code == 0, said
    manifest = json.loads(said)
    assert manifest["mediaType"] == MANIFEST
    assert manifest["artifactType"] == "application/vnd.cncf.model.manifest.v1+json"
    layers = {
        layer["annotations"]["org.cncf.model.filepath"]: layer for layer in manifest["layers"]
    }
    for path, data in published.files[1].items():
        kind = "weight.config" if path.endswith(".json") else "weight"
        expected = (f"application/vnd.cncf.model.{kind}.v1.raw", f"sha256:{sha256_of(data)}")
        assert (layers[path]["mediaType"], layers[path]["digest"]) == expected
        assert layers[path]["annotations"]["org.opencontainers.image.title"] == path
    config = f"{oras.address}/{published.model}@{manifest['config']['digest']}"
    code, said, _ = await oras.run("blob", "fetch", config, "--output", "-")
    assert code == 0, said
    told = json.loads(said)
    assert (told["descriptor"]["name"], told["descriptor"]["version"]) == (published.model, "2")
    assert told["modelfs"]["diffIds"] == [layer["digest"] for layer in manifest["layers"]]


async def test_tags_are_numbers_labels_and_aliases_in_their_order(
    oras: Oras, published: Published, api: Api
) -> None:
    code, said, _ = await oras.run("repo", "tags", f"{oras.address}/{published.model}")
    assert (code, said.split()) == (0, ["1", "1.0", "2", "latest", "production"])
    found: list[str] = []
    url: str | None = f"/v2/{published.model}/tags/list?n=2"
    pages = 0
    while url and pages < 9:
        answer = await api.query.get(url)
        found += answer.json()["tags"]
        pages += 1
        url = answer.links.get("next", {}).get("url")
    assert (found, pages) == (["1", "1.0", "2", "latest", "production"], 3)
    code, said, _ = await oras.run(
        "repo", "tags", f"{oras.address}/{published.model}", "--last", "2"
    )
    assert said.split() == ["latest", "production"]


async def test_a_digest_is_found_that_this_process_never_told(
    api: Api, published: Published, system: System
) -> None:
    """As of another replica, or before a restart."""
    known = KnownPackages()
    versions = Versions(system.database)
    answers = [await api.query.get(f"/v2/{published.model}/manifests/{n}") for n in (1, 2)]
    for answer in answers:
        config = answer.json()["config"]["digest"]
        for digest in (answer.headers["docker-content-digest"], config):
            found = await KnownPackages().find(published.model, digest, versions)
            assert found is not None
            assert found.digest == digest == f"sha256:{sha256_of(found.data)}"
    digest = answers[0].headers["docker-content-digest"]
    assert await known.find(published.model, "sha256:" + "0" * 64, versions) is None
    assert await known.find(f"{published.model}2", digest, versions) is None


async def test_what_is_not_there_is_told_by_its_code(
    api: Api, oras: Oras, published: Published, tmp_path: Path
) -> None:
    model, digest = published.model, "sha256:" + "0" * 64
    expected = {
        f"/v2/{model}/manifests/9": (404, "MANIFEST_UNKNOWN", "has no version '9'"),
        f"/v2/{model}/manifests/3": (404, "MANIFEST_UNKNOWN", "is pending, not ready"),
        f"/v2/{model}/manifests/{digest}": (404, "MANIFEST_UNKNOWN", "has no version"),
        f"/v2/{model}/manifests/a+b": (400, "MANIFEST_INVALID", "digest or a tag"),
        f"/v2/{model}/manifests/sha512:00": (400, "DIGEST_INVALID", "64 lower-case hex"),
        f"/v2/{model}/blobs/{digest}": (404, "BLOB_UNKNOWN", "has the blob"),
        f"/v2/{model}/blobs/x": (400, "DIGEST_INVALID", "64 lower-case hex"),
        f"/v2/{model}x/tags/list": (404, "NAME_UNKNOWN", "there is no model"),
        "/v2/Churn/tags/list": (400, "NAME_INVALID", "must be lower case"),
        "/v2/a/b/c/tags/list": (400, "NAME_INVALID", "NAMESPACE/NAME"),
        f"/v2/{model}/tags/list?n=x": (400, "UNKNOWN", "integer"),
        f"/v2/{model}/referrers/{digest}": (404, "UNSUPPORTED", "Not Found"),
    }
    for path, (status, code, reason) in expected.items():
        answer = await api.query.get(path)
        [error] = answer.json()["errors"]
        assert (answer.status_code, error["code"]) == (status, code), path
        assert reason in error["message"], path
    code, _, said = await oras.run("pull", f"{oras.address}/{model}:nothing", "--output", tmp_path)
    assert code != 0
    assert "not found" in said


async def test_who_may_not_read_a_model_cannot_pull_it(
    oras: Oras, published: Published, api: Api, tmp_path: Path
) -> None:
    elsewhere = (await api.token("reader:elsewhere.*")).token
    reference = f"{oras.address}/{published.model}:1"
    for token, reason in ((elsewhere, "not found"), ("wrong", "the credential is not accepted")):
        code, _, said = await oras.run("pull", reference, "--output", tmp_path, token=token)
        assert code != 0
        assert reason in said.lower() or "401" in said, (token, said)
    assert files_below(tmp_path) == {}
    nobody = await api.query.get("/v2/", headers={"authorization": ""})
    assert (nobody.status_code, nobody.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")
    assert nobody.headers["www-authenticate"] == 'Basic realm="model registry"'
    blob = f"/v2/{published.model}/blobs/sha256:{sha256_of(LARGE)}"
    for token, status in ((elsewhere, 404), (oras.token, 307)):
        answer = await api.query.get(blob, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status
    other = blob.replace(published.model, "elsewhere.churn")
    answer = await api.query.get(other, headers={"authorization": f"Bearer {elsewhere}"})
    assert answer.status_code == 404, "a blob is of the models that have it"


async def test_a_version_is_pulled_once_its_digests_are_confirmed(
    api: Api, model: str, client: AsyncModelRegistryClient, oras: Oras, system: System
) -> None:
    version = await client.upload(model, LARGE[::-1], path="m.bin")
    await is_confirmed(api, model, version.number)
    path = f"/v2/{model}/manifests/{version.number}"
    assert (await api.query.get(path)).status_code == 200
    # As it is between ready and the background reading, which is over too soon to be met.
    claimed = {"$set": {"artifacts.0.sha256_state": "claimed"}}
    await system.database.versions.update_one({"_id": version.id}, claimed)
    answer = await api.query.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    [error] = answer.json()["errors"]
    assert error["code"] == "UNAVAILABLE"
    assert "the SHA-256 of 'm.bin' is being computed" in error["message"]


async def test_a_client_in_python_pulls(oras: Oras, published: Published, tmp_path: Path) -> None:
    programs = await asyncio.to_thread(client_environment, "oras==0.2.43")
    program = f"""
from oras.client import OrasClient

client = OrasClient(hostname={oras.address!r}, insecure=True, auth_backend="basic")
client.login(
    hostname={oras.address!r}, username="anybody", password={oras.token!r},
    config_path={str(tmp_path / "config.json")!r},
)
client.pull(target="{oras.address}/{published.model}:production", outdir={str(tmp_path / "to")!r})
"""
    done = await asyncio.to_thread(run_client, programs / "python", "-c", program, folder=tmp_path)
    assert done.returncode == 0, done
    assert files_below(tmp_path / "to") == published.files[1]
