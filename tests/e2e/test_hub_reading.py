"""Reading by the clients of Hugging Face: HF_ENDPOINT names query, and bytes come from storage."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from registry.schemas import Version
from shared.domain.hub_names import commit_of_version
from shared.runtime.settings import Settings
from tests.support.access import client_of, token_of
from tests.support.api import MIB, Api, file_of, sha256_of
from tests.support.client_environments import versions_of
from tests.support.eventually import eventually
from tests.support.hub_client import NEWEST, OLD, HubClient, hub_client
from tests.support.traffic import counted_before

LARGE = os.urandom(6 * MIB + 123)
"""Of two parts, so that its SHA-256 is claimed until it is read in the background."""


@dataclass(frozen=True)
class Published:
    """A model of three ready versions, and one that is open."""

    model: str
    repo: str
    versions: list[Version]
    files: list[dict[str, bytes]]

    def commit(self, number: int) -> str:
        return commit_of_version(self.versions[number - 1].id)


@pytest.fixture(scope="module")
async def published(
    settings: Settings, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> Published:
    """Versions 1, 2 with the label 1.0, 3; @production at 1, @staging at 2."""
    namespace = f"hub{uuid4().hex[:8]}"
    model = f"{namespace}.churn"
    versions: list[Version] = []
    contents: list[dict[str, bytes]] = []
    async with client_of(settings, token_of(settings)) as client:
        for number, label in enumerate((None, "1.0", None), 1):
            files = {
                "config.json": b'{"number": %d}' % number,
                "weights/model one.bin": LARGE if number == 3 else os.urandom(1000),
                "weights/deep/größe.txt": b"klein",
            }
            folder = tmp_path_factory.mktemp("source")
            for path, data in files.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(data)
            versions.append(await client.upload(model, folder, version=label))
            contents.append(files)
        await client.set_alias(model, "production", 1)
        await client.set_alias(model, "staging", 2)
    await api.open(model, file_of("model.bin", b"bytes"))  # number 4 is pending
    return Published(model, f"{namespace}/churn", versions, contents)


@pytest.fixture(scope="module", params=versions_of(NEWEST, OLD))
async def hub(
    request: pytest.FixtureRequest,
    settings: Settings,
    published: Published,
    api: Api,
    tmp_path_factory: pytest.TempPathFactory,
) -> HubClient:
    """A reader of the model."""
    token = (await api.token(f"reader:{published.model}")).token
    endpoint = f"http://{HOST}:{settings.query_port}"
    return await hub_client(request.param, endpoint, token, tmp_path_factory.mktemp("home"))


def files_below(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


async def test_a_version_is_pulled_by_each_of_its_names(
    hub: HubClient, published: Published
) -> None:
    names = {"main": 3, "latest": 3, "3": 3, "v3": 3, "1.0": 2, "staging": 2, "@production": 1}
    names[published.commit(1)] = 1
    told = await hub.run(f"""
        for name in {list(names)!r}:
            told[name] = snapshot_download({published.repo!r}, revision=name)
        told["default"] = snapshot_download({published.repo!r})
        told["bare"] = snapshot_download({published.model!r}, revision="1")
    """)
    for name, number in {**names, "default": 3, "bare": 1}.items():
        assert Path(told[name]).name == published.commit(number), name
        assert files_below(told[name]) == published.files[number - 1], name


async def test_a_second_call_takes_everything_from_the_cache(
    hub: HubClient, published: Published, settings: Settings
) -> None:
    code = f"""
        told["path"] = hf_hub_download({published.repo!r}, "weights/model one.bin", revision="1.0")
    """
    first = await hub.run(code)
    data = published.files[1]["weights/model one.bin"]
    cached = Path(first["path"])
    assert await asyncio.to_thread(cached.read_bytes) == data
    kept = await asyncio.to_thread(cached.resolve)
    assert kept.name == sha256_of(data), "it is kept by its SHA-256"
    async with counted_before(settings.query_port) as traffic:
        assert await hub.asking(traffic.url).run(code) == first
    assert 0 < traffic.answered_bytes < 1500, "one HEAD"


async def test_no_byte_of_a_model_passes_through_query(
    hub: HubClient, published: Published, settings: Settings, tmp_path: Path
) -> None:
    async with counted_before(settings.query_port) as traffic:
        told = await hub.asking(traffic.url).run(
            f"told['path'] = snapshot_download({published.repo!r}, local_dir={str(tmp_path)!r})"
        )
        found = files_below(told["path"])
    assert {path: found[path] for path in published.files[2]} == published.files[2]
    assert traffic.answered_bytes < 10_000 < len(LARGE)


async def test_what_is_not_there_is_told_apart_and_why(
    hub: HubClient, published: Published
) -> None:
    repo = published.repo
    told = await hub.run(f"""
        repo, other = {repo!r}, {repo + "2"!r}
        told["there"] = [
            repo_exists(repo), revision_exists(repo, "1.0"), file_exists(repo, "config.json"),
        ]
        told["not there"] = [
            repo_exists(other), revision_exists(repo, "9"), revision_exists(repo, "nothing"),
            revision_exists(repo, "@nobody"), revision_exists(repo, "0" * 40),
            revision_exists(repo, "4"),
            file_exists(repo, "config.yaml"), file_exists(repo, "x", revision="9"),
            file_exists(other, "config.json"), repo_exists(repo, repo_type="dataset"),
        ]
        told["file"] = error_of(hf_hub_download, repo, "config.yaml", revision="1")
        told["revision"] = error_of(snapshot_download, repo, revision="4")
        told["repo"] = error_of(snapshot_download, other)
        told["name"] = error_of(model_info, "models/churn")
        told["entry"] = error_of(lambda: list(HfApi().list_repo_tree(repo, "nowhere")))
    """)
    assert set(told["there"]) == {True}
    assert set(told["not there"]) == {False}
    kind, said = told["file"]
    assert kind in ("EntryNotFoundError", "RemoteEntryNotFoundError")
    assert f"version 1 of model '{published.model}' has no file 'config.yaml'" in said
    assert told["revision"][0] == "RevisionNotFoundError"
    assert "is pending, not ready" in told["revision"][1]
    assert told["repo"][0] == "RepositoryNotFoundError"
    assert f"there is no model '{published.model}2'" in told["repo"][1]
    assert "namespace 'models', which is reserved" in told["name"][1]
    assert told["entry"][0] in ("EntryNotFoundError", "RemoteEntryNotFoundError")


async def test_that_a_commit_lacks_a_file_is_remembered(
    hub: HubClient, published: Published
) -> None:
    told = await hub.run(f"""
        error_of(hf_hub_download, {published.repo!r}, "tokenizer.json", revision="1")
        told["kept"] = try_to_load_from_cache(
            {published.repo!r}, "tokenizer.json", revision={published.commit(1)!r}
        )
    """)
    assert told["kept"] is not None


async def test_a_model_is_described_with_sizes_and_digests(
    hub: HubClient, published: Published, api: Api
) -> None:
    async def is_confirmed() -> bool | None:
        version = await api.version(published.model, 3)
        return all(each.sha256_state == "verified" for each in version.artifacts) or None

    await eventually(is_confirmed)
    told = await hub.run(f"""
        repo = {published.repo!r}
        info = model_info(repo, files_metadata=True)
        told["info"] = [info.id, info.author, info.sha, info.private]
        told["siblings"] = {{s.rfilename: [s.size, s.lfs["sha256"]] for s in info.siblings}}
        rows = list(HfApi().list_repo_tree(repo, recursive=True, expand=True))
        told["rows"] = {{row.path: [type(row).__name__, row.last_commit["oid"]] for row in rows}}
        told["top"] = [row.path for row in HfApi().list_repo_tree(repo)]
        told["below"] = [row.path for row in HfApi().list_repo_tree(repo, "weights")]
        told["files"] = sorted(list_repo_files(repo))
        found = HfApi().get_paths_info(repo, ["weights", "config.json", "nothing"])
        told["paths"] = [[type(row).__name__, row.path] for row in found]
        refs = list_repo_refs(repo)
        told["branches"] = {{ref.name: ref.target_commit for ref in refs.branches}}
        told["tags"] = {{ref.name: ref.target_commit for ref in refs.tags}}
        told["who"] = whoami()["name"]
    """)
    newest, files = published.commit(3), published.files[2]
    assert told["info"] == [published.repo, published.repo.partition("/")[0], newest, True]
    assert told["siblings"] == {path: [len(data), sha256_of(data)] for path, data in files.items()}
    expected = {path: ["RepoFile", newest] for path in files}
    expected |= {folder: ["RepoFolder", newest] for folder in ("weights", "weights/deep")}
    assert told["rows"] == expected
    assert told["top"] == ["config.json", "weights"]
    assert told["below"] == ["weights/deep", "weights/model one.bin"]
    assert told["files"] == sorted(files)
    assert told["paths"] == [["RepoFolder", "weights"], ["RepoFile", "config.json"]]
    assert told["branches"] == {
        "main": newest,
        "production": published.commit(1),
        "staging": published.commit(2),
    }
    assert told["tags"] == {"1.0": published.commit(2)}
    assert told["who"] == "a test"


async def test_who_may_not_read_a_model_does_not_see_it(
    hub: HubClient, published: Published, api: Api
) -> None:
    elsewhere = (await api.token("reader:elsewhere.*")).token
    code = f"""
        told["info"] = error_of(model_info, {published.repo!r})
        told["file"] = error_of(hf_hub_download, {published.repo!r}, "config.json")
        told["snapshot"] = error_of(snapshot_download, {published.repo!r})
        told["exists"] = error_of(lambda: print(repo_exists({published.repo!r})))
    """
    reasons = {
        None: "a credential is needed",
        elsewhere: "there is no model",
        "hf_not_one_of_ours": "the credential is not accepted",
    }
    for token, reason in reasons.items():
        told = await hub.as_who(token).run(code)
        assert told["exists"] is None, token
        for name in ("info", "file", "snapshot"):
            kind, said = told[name]
            assert kind == "RepositoryNotFoundError" or name == "file", (token, told)
            assert reason in said, (token, told)


async def test_lists_have_what_the_caller_may_read_and_is_ready(
    hub: HubClient, api: Api, settings: Settings
) -> None:
    one, other = f"list{uuid4().hex[:8]}", f"list{uuid4().hex[:8]}"
    names = [f"{one}.churn-{n}" for n in range(4)] + [f"{other}.churn-9", f"{one}-plain"]
    async with client_of(settings, token_of(settings)) as client:
        for name in names:
            await client.upload(name, b"bytes", path="m.bin")
    await api.open(f"{one}.open", file_of("model.bin", b"bytes"))
    grants = [f"reader:{one}.*", f"reader:{one}-plain"]
    reader = hub.as_who((await api.token(*grants)).token)
    told = await reader.run(f"""
        def ids(**kwargs):
            return [model.id for model in list_models(**kwargs)]

        told["all"] = ids()
        told["search"] = ids(search="CHURN-2")
        told["author"] = ids(author={one!r}, limit=2)
        told["others"] = ids(author={other!r})
        told["default"] = ids(author="default")
        told["full"] = [[len(m.siblings), len(m.sha)] for m in list_models(full=True, limit=1)]
        told["sorted"] = error_of(lambda: ids(sort="downloads"))
    """)
    mine = [f"{one}/churn-{n}" for n in range(4)]
    assert sorted(told["all"]) == sorted([*mine, f"default/{one}-plain"])
    assert told["search"] == [mine[2]]
    assert told["author"] == mine[:2]
    assert told["others"] == []
    assert told["default"] == [f"default/{one}-plain"]
    assert told["full"] == [[1, 40]]
    assert "sort is not supported" in told["sorted"][1]


async def test_pages_are_followed_to_their_end(api: Api, published: Published) -> None:
    url: str | None = f"/api/models/{published.repo}/tree/3?recursive=true&limit=2"
    paths: list[str] = []
    pages = 0
    while url and pages < 9:
        answer = await api.query.get(url)
        paths += [row["path"] for row in answer.json()]
        pages += 1
        url = answer.links.get("next", {}).get("url")
    expected = {"weights", "weights/deep", *published.files[2]}
    assert (sorted(paths), pages) == (sorted(expected), 3)
    listed: list[str] = []
    url = f"/api/models?author={published.repo.partition('/')[0]}&limit=1"
    while url and len(listed) < 9:
        answer = await api.query.get(url)
        listed += [each["id"] for each in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert listed == [published.repo]


async def test_a_program_downloads_a_folder(
    hub: HubClient, published: Published, tmp_path: Path
) -> None:
    name = "hf" if (hub.programs / "hf").exists() else "huggingface-cli"
    code, said, error = await hub.command(
        hub.programs / name, "download", published.repo, "--revision", "@production",
        "--local-dir", tmp_path / "to",
    )  # fmt: skip
    assert code == 0, (said, error)
    found = files_below(str(tmp_path / "to"))
    assert {path: found[path] for path in published.files[0]} == published.files[0]
    code, _, error = await hub.command(hub.programs / name, "download", f"{published.repo}2")
    assert code != 0
    assert "not found" in error.lower()


async def test_files_are_opened_in_place(hub: HubClient, published: Published) -> None:
    told = await hub.run(f"""
        fs = HfFileSystem()
        root = "{published.repo}@1.0"
        told["names"] = sorted(fs.find(root))
        with fs.open(root + "/weights/model one.bin", "rb", block_size=100) as file:
            file.seek(500)
            told["data"] = file.read(100).hex()
    """)
    expected = [f"{published.repo}@1.0/{path}" for path in sorted(published.files[1])]
    assert told["names"] == expected
    assert told["data"] == published.files[1]["weights/model one.bin"][500:600].hex()


async def test_a_digest_that_nobody_verified_is_not_told_as_one(
    api: Api, model: str, client: AsyncModelRegistryClient
) -> None:
    """A file of parts is ready by its composite digest, before its SHA-256 is read."""
    version = await client.upload(model, LARGE[::-1], path="m.bin")
    answers = [
        await api.query.head(f"/{model}/resolve/{version.number}/m.bin"),
        await api.query.get(f"/{model}/resolve/{version.number}/m.bin"),
    ]
    for answer in answers:
        tag = answer.headers["etag"].strip('"')
        assert len(tag) == 40 or tag == sha256_of(LARGE[::-1])
        assert answer.headers["x-repo-commit"] == commit_of_version(version.id)
        assert answer.headers["cache-control"] == "no-store"
    head, get = answers
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(LARGE)))
    assert "location" not in head.headers
    assert get.status_code == 302
    assert (await api.storage.get(get.headers["location"])).content == LARGE[::-1]
    assert "X-Amz-Expires=86400" in get.headers["location"]


async def test_a_deleted_version_is_gone_and_the_one_before_is_the_newest(
    api: Api, model: str, client: AsyncModelRegistryClient
) -> None:
    versions = [await client.upload(model, b"bytes %d" % n, path="m.bin") for n in range(3)]
    await client.delete_version(model, 3)
    await client.archive_version(model, 2)
    newest = await api.query.get(f"/api/models/{model}/revision/main")
    assert newest.json()["sha"] == commit_of_version(versions[0].id)
    gone = await api.query.head(f"/{model}/resolve/{commit_of_version(versions[2].id)}/m.bin")
    assert (gone.status_code, gone.headers["x-error-code"]) == (404, "RevisionNotFound")
    archived = await api.query.head(f"/{model}/resolve/2/m.bin")
    assert archived.status_code == 200, "it can be downloaded as before"
    other = await api.query.head(f"/{model}2/resolve/{commit_of_version(versions[0].id)}/m.bin")
    assert other.headers["x-error-code"] == "RepoNotFound", "a commit is of one model"


async def test_a_label_wins_over_an_alias_and_a_model_without_versions_is_empty(
    api: Api, model: str, client: AsyncModelRegistryClient
) -> None:
    await api.open(model, file_of("m.bin", b"bytes"))
    empty = (await api.query.get(f"/api/models/{model}")).json()
    assert empty["id"] == f"default/{model}"
    assert empty["siblings"] == []
    assert "sha" not in empty
    assert (await api.query.get(f"/api/models/{model}/tree/main")).json() == []
    missing = await api.query.head(f"/{model}/resolve/main/README.md")
    assert missing.headers["x-error-code"] == "EntryNotFound"
    at_main = await api.query.get(f"/api/models/{model}/revision/main")
    assert at_main.headers["x-error-code"] == "RevisionNotFound"
    labelled = await client.upload(model, b"labelled", path="m.bin", version="blue")
    other = await client.upload(model, b"other", path="m.bin", version="v2.0")
    await client.set_alias(model, "blue", other.number)
    for revision, version in (("blue", labelled), ("@blue", other), ("v2.0", other)):
        answer = await api.query.get(f"/api/models/{model}/revision/{revision}")
        assert answer.json()["sha"] == commit_of_version(version.id), revision
