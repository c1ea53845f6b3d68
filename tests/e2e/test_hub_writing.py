"""Writing by the clients of Hugging Face: HF_ENDPOINT names query, and bytes go to storage."""

import os
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest

from local.processes.ports import HOST
from registry.schemas import Version
from shared.domain.hub_names import commit_of_version
from shared.runtime.settings import Settings
from tests.support.api import MIB, Api, sha256_of
from tests.support.client_environments import versions_of
from tests.support.hub_client import NEWEST, OLD, HubClient, hub_client
from tests.support.system import System
from tests.support.traffic import counted_before


class Writer(HubClient):
    """A client that sends without Xet, as the registry's documentation says."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "HF_HUB_DISABLE_XET": "1"}

    async def run(self, code: str) -> dict[str, Any]:
        return await super().run("from huggingface_hub import *\n" + dedent(code))


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


@pytest.fixture(params=versions_of(NEWEST, OLD))
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


async def test_of_a_folder_that_is_uploaded_again_only_what_changed_is_sent(
    hub: Writer, repo: Repo, api: Api, tmp_path: Path, system: System, settings: Settings
) -> None:
    files = {"config.json": b'{"step": 1}', "model.bin": os.urandom(6 * MIB)}
    source = write(tmp_path / "source", files)
    upload = (hub.programs / "hf", "upload", repo.id, source)
    async with counted_before(settings.query_port) as traffic:
        counted = hub.asking(traffic.url)
        code, _, told = await counted.command(*upload)
        assert code == 0, told
        before = sorted(system.keys(settings.minio_bucket, f"{repo.model}/"))
        write(source, {"config.json": b'{"step": 2}', "notes/new.txt": b"new"})
        code, _, told = await counted.command(*upload)
        assert code == 0, told
    assert traffic.asked_bytes < MIB, "bytes of models go to storage alone"
    first, second = await api.version(repo.model, 1), await api.version(repo.model, 2)
    assert second.state == "ready"
    assert {each.path: each.location is None for each in second.artifacts} == {
        "config.json": True,
        "model.bin": False,
        "notes/new.txt": True,
    }
    assert digests(second)["model.bin"] == digests(first)["model.bin"]
    new = set(system.keys(settings.minio_bucket, f"{repo.model}/")) - set(before)
    assert len(new) == 2
    # The same again changes nothing, and is told so.
    code, _, told = await hub.command(*upload)
    assert code == 0, told
    missing = await api.query.get(f"/v1/models/{repo.model}/versions/3")
    assert missing.status_code == 404


async def test_commits_delete_files_and_are_held_against_their_parent(
    hub: Writer, repo: Repo, api: Api
) -> None:
    told = await hub.run(f"""
        def add(path, content):
            return CommitOperationAdd(path, content.encode())

        three = [add("a.txt", "a"), add("b/c.txt", "c"), add("b/d", "d")]
        first = create_commit("{repo.id}", three, commit_message="three files",
                              commit_description="for a test")
        second = delete_file("a.txt", "{repo.id}")
        told["missing"] = error_of(delete_file, "nowhere.txt", "{repo.id}")
        told["stale"] = error_of(create_commit, "{repo.id}", [add("e.txt", "e")],
                                 commit_message="late", parent_commit=first.oid)
        told["empty"] = error_of(create_commit, "{repo.id}", [add("empty.txt", "")],
                                 commit_message="empty")
        told["all"] = error_of(delete_folder, "b", "{repo.id}")
        third = create_commit("{repo.id}", [add("e.txt", "e"), CommitOperationDelete("b/")],
                              commit_message="in time", parent_commit=second.oid)
        told["pr"] = error_of(upload_file, path_or_fileobj=b"x", path_in_repo="x.txt",
                              repo_id="{repo.id}", create_pr=True)
        told["repo"] = error_of(delete_repo, "{repo.id}")
        told["move"] = error_of(move_repo, "{repo.id}", "{repo.id}-new")
        told["again"] = error_of(create_repo, "{repo.id}")
        told["files"] = list_repo_files("{repo.id}")
    """)
    versions = [await api.version(repo.model, number) for number in (1, 2, 3)]
    assert [sorted(digests(each)) for each in versions] == [
        ["a.txt", "b/c.txt", "b/d"],
        ["b/c.txt", "b/d"],
        ["e.txt"],
    ]
    assert versions[0].description == "three files\n\nfor a test"
    assert told["files"] == ["e.txt"]
    assert told["missing"][0] in ("RemoteEntryNotFoundError", "EntryNotFoundError")
    assert "412" in told["stale"][1]
    assert "not at the parent" in told["stale"][1]
    assert "empty file" in told["empty"][1]
    assert "no version is empty" in told["all"][1]
    assert "create_pr is not supported" in told["pr"][1]
    assert "registry delete" in told["repo"][1]
    assert "registry copy" in told["move"][1]
    assert "409" in told["again"][1]


async def test_branches_and_tags_are_aliases(hub: Writer, repo: Repo, api: Api) -> None:
    told = await hub.run(f"""
        def put(content, **more):
            return upload_file(path_or_fileobj=content, path_in_repo=content.decode() + ".txt",
                               repo_id="{repo.id}", **more).oid

        create_repo("{repo.id}")
        create_branch("{repo.id}", branch="first", exist_ok=True)
        put(b"one", revision="first")
        two = put(b"two")
        create_branch("{repo.id}", branch="dev", revision=two)
        put(b"three", revision="dev")
        put(b"four", revision="dev")
        create_tag("{repo.id}", tag="v1.0", revision="dev", tag_message="released")
        told["again"] = error_of(create_tag, "{repo.id}", tag="v1.0")
        create_tag("{repo.id}", tag="v1.0", exist_ok=True)
        told["typo"] = error_of(put, b"five", revision="def")
        told["name"] = error_of(create_branch, "{repo.id}", branch="a/b")
        told["dev"] = list_repo_files("{repo.id}", revision="dev")
        told["first"] = list_repo_files("{repo.id}", revision="first")
        delete_branch("{repo.id}", branch="first")
        delete_tag("{repo.id}", tag="v1.0")
        told["left"] = sorted(each.name for each in list_repo_refs("{repo.id}").branches)
    """)
    assert told["first"] == ["one.txt"]
    assert told["dev"] == ["four.txt", "one.txt", "three.txt", "two.txt"]
    assert "409" in told["again"][1]
    assert told["typo"][0] == "RevisionNotFoundError"
    assert "name must be letters" in told["name"][1]
    assert told["left"] == ["dev", "main"]
    assert (await api.version(repo.model, "@dev")).number == 4


async def test_who_may_not_write_is_refused_in_words(
    settings: Settings, repo: Repo, api: Api, tmp_path: Path
) -> None:
    session = await api.open(repo.model, {"path": "m.txt", "size_bytes": 1})
    await api.put(session.files[0], b"m")
    await api.ready(session)
    reader = (await api.token(f"reader:{repo.model}")).token
    hub = await writer(NEWEST, settings, reader, tmp_path)
    call = f'upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id="{repo.id}"'
    told = await hub.run(f'told["reader"] = error_of({call})')
    assert "403" in told["reader"][1]
    assert f"writer:{repo.model}" in told["reader"][1]
    stranger = hub.as_who((await api.token("reader:elsewhere.*")).token)
    told = await stranger.run(f'told["stranger"] = error_of({call})')
    assert "403" in told["stranger"][1]
    assert (await api.version(repo.model, "latest")).number == 1


async def test_without_the_variable_the_client_is_told_which_it_is(
    settings: Settings, repo: Repo, api: Api, tmp_path: Path
) -> None:
    token = (await api.token(f"writer:{repo.model}")).token
    hub = await hub_client(NEWEST, f"http://{HOST}:{settings.query_port}", token, tmp_path)
    write(tmp_path, {"model.bin": b"\0" * 1000})
    code, out, told = await hub.command(
        hub.programs / "hf", "upload", repo.id, tmp_path / "model.bin"
    )
    assert code != 0
    assert "HF_HUB_DISABLE_XET=1" in out + told
