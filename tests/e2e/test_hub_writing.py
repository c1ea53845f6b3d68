"""Writing by the clients of Hugging Face: HF_ENDPOINT names query, and bytes go to storage."""

import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from local.processes.ports import HOST
from registry.schemas import Version
from shared.domain.hub_names import commit_of_version
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import MIB, Api, sha256_of
from tests.support.hub_client import NEWEST, OLD, HubClient, hub_client
from tests.support.system import System


class Writer(HubClient):
    """A client that sends without Xet, as the registry's documentation says."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "HF_HUB_DISABLE_XET": "1"}


@dataclass(frozen=True)
class Repo:
    """A model as such clients name it, and as the registry does."""

    id: str
    model: str


@pytest.fixture
def repo() -> Repo:
    """One that no other test knows."""
    namespace = f"hub{uuid4().hex[:8]}"
    return Repo(f"{namespace}/churn", f"{namespace}.churn")


@pytest.fixture(params=[NEWEST, OLD], ids=["newest", "old"])
async def hub(
    request: pytest.FixtureRequest, settings: Settings, repo: Repo, api: Api, tmp_path: Path
) -> Writer:
    """Somebody who may write the model."""
    token = (await api.token(f"writer:{repo.model}")).token
    return await writer(request.param, settings, token, tmp_path)


async def writer(
    requirements: tuple[str, ...], settings: Settings, token: str, home: Path
) -> Writer:
    made = await hub_client(requirements, f"http://{HOST}:{settings.query_port}", token, home)
    return Writer(made.programs, made.endpoint, made.token, made.home)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def digests(version: Version) -> dict[str, str | None]:
    return {each.path: each.sha256 for each in version.artifacts}


async def test_a_folder_is_uploaded_and_comes_back_with_equal_bytes(
    hub: Writer, repo: Repo, api: Api, tmp_path: Path, system: System
) -> None:
    files = {
        "README.md": b"---\nlicense: mit\n---\n# Churn\n",
        ".gitattributes": b"*.bin filter=lfs\n",
        "config.json": b"{}",
        "weights/model.bin": os.urandom(11 * MIB),
        "weights/copy.bin": b"",
        "weights/small.bin": os.urandom(1000),
    }
    files["weights/copy.bin"] = files["weights/small.bin"]
    source = write(tmp_path / "source", files)
    told = await hub.run(f"""
        told["repo"] = create_repo("{repo.id}", exist_ok=True).repo_id
        made = upload_folder(repo_id="{repo.id}", folder_path="{source}")
        told["oid"], told["url"] = made.oid, made.commit_url
        told["folder"] = snapshot_download("{repo.id}", revision=made.oid)
    """)
    version = await api.version(repo.model, 1)
    assert version.state == "ready"
    assert told["repo"] == repo.id
    assert told["oid"] == commit_of_version(version.id)
    assert digests(version) == {path: sha256_of(data) for path, data in files.items()}
    for path, data in files.items():
        assert (Path(told["folder"]) / path).read_bytes() == data
