"""What a page says to be typed is typed: each way to fetch a version, and an alias at a moment."""

import asyncio
import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from registry import AsyncModelRegistryClient
from services.query.versions.downloads import PAGE_FILES
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of
from tests.support.browser import signed_in
from tests.support.client_environments import client_environment
from tests.support.hub_client import NEWEST as NEWEST_HUB
from tests.support.mlflow_client import NEWEST as NEWEST_MLFLOW
from tests.support.mlflow_client import skinny

DATA = b"bytes"
OURS = Path(sys.executable).parent


@pytest.fixture
async def version(client: AsyncModelRegistryClient, model: str, tmp_path: Path) -> str:
    """A model with a version of two files, in a namespace."""
    name, made = f"risk.{model}", tmp_path / "made"
    made.mkdir()
    (made / "model.bin").write_bytes(DATA)
    (made / "README.md").write_bytes(b"# Churn")
    await client.upload(name, made)
    shutil.rmtree(made)
    return name


def contents(folder: Path) -> set[bytes]:
    """What the files have that are called as the version's, however deep."""
    return {each.read_bytes() for each in folder.rglob("model.bin")}


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = [each for each in folder.rglob("*") if each.is_file()]
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


async def told(api: Api, settings: Settings, model: str, way: str) -> str:
    """What the page says is to be pasted."""
    async with signed_in(api, token_of(settings)) as browser:
        text = (await browser.get(f"/ui/models/{model}/versions/1")).text
    found = re.search(rf"<summary>{way}</summary>\s*<pre><code>(.*?)</code>", text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


async def fetched(
    api: Api, settings: Settings, model: str, way: str, folder: Path, programs: Path = OURS
) -> None:
    """Do what the page says, as somebody with these programs."""
    snippet = await told(api, settings, model, way)
    is_python = way in ("Python", "fsspec")
    command = [sys.executable, "-c", snippet] if is_python else ["bash", "-ec", snippet]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HF_HOME": str(folder / "hf"),
            "NO_PROXY": "*",
            # A skinny MLflow has no database, where a whole one would keep its runs.
            "MLFLOW_TRACKING_URI": (folder / "runs").as_uri(),
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "GIT_PYTHON_REFRESH": "quiet",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("way", ["Python", "Command", "fsspec"])
async def test_our_own_ways_fetch_a_version(
    api: Api, settings: Settings, version: str, way: str, tmp_path: Path
) -> None:
    await fetched(api, settings, version, way, tmp_path)
    assert (tmp_path / version / "model.bin").read_bytes() == DATA


@pytest.mark.parametrize(
    "paths",
    [
        ("model.bin",),
        ('a/it\'s "quoted" #1 [x] {1,2}.bin', "a/-o $HOME `id`.bin", "b/ä %20 & ;.bin"),
        tuple(f"part-{at:03}.bin" for at in range(PAGE_FILES + 2)),
    ],
    ids=["one file", "odd names", "more than a page tells"],
)
async def test_curl_fetches_the_files_of_a_version(
    api: Api, settings: Settings, model: str, tmp_path: Path, paths: Sequence[str]
) -> None:
    name, wanted = f"risk.{model}", {path: path.encode() for path in paths}
    session = await api.open(name, *(file_of(path, data) for path, data in wanted.items()))
    for plan in session.files:
        await api.put(plan, wanted[plan.path])
    await api.ready(session)
    await fetched(api, settings, name, "curl", tmp_path)
    assert files_in(tmp_path) == {f"{name}/{path}": data for path, data in wanted.items()}


async def test_curl_says_what_is_wrong_and_ends_no_shell_but_its_own(
    api: Api,
    settings: Settings,
    version: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "wrong")
    snippet = await told(api, settings, version, "curl")
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-c", f"{snippet}\necho went on after $?"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "401" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("went on after ")
    assert done.stdout != "went on after 0\n"
    assert files_in(tmp_path) == {}


@pytest.mark.parametrize(("grant", "has_link"), [("admin:*", True), ("reader:*", False)])
async def test_what_a_token_is_needed_for_is_said_with_the_way_to_one(
    api: Api, version: str, grant: str, has_link: bool
) -> None:
    token = await api.token(grant)
    async with signed_in(api, token.token) as browser:
        text = (await browser.get(f"/ui/models/{version}/versions/1")).text
    note = text.partition("<h2>Fetch it</h2>")[2].partition("</p>")[0]
    assert "REGISTRY_TOKEN" in note
    assert ('href="/ui/admin/tokens"' in note) is has_link


async def test_mlflow_fetches_a_version(
    api: Api, settings: Settings, version: str, tmp_path: Path
) -> None:
    programs = await asyncio.to_thread(skinny, NEWEST_MLFLOW)
    await fetched(api, settings, version, "MLflow", tmp_path, programs)
    assert contents(tmp_path) == {DATA}


async def test_hugging_face_fetches_a_version(
    api: Api, settings: Settings, version: str, tmp_path: Path
) -> None:
    programs = await asyncio.to_thread(client_environment, *NEWEST_HUB)
    await fetched(api, settings, version, "Hugging Face", tmp_path, programs)
    assert contents(tmp_path) == {DATA}


async def test_an_alias_is_told_as_it_was_at_a_moment(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"1", path="m.bin")
    await client.upload(model, b"2", path="m.bin", version="two")
    await client.set_alias(model, "production", 1)
    moved = await client.set_alias(model, "production", 2)
    before = moved.at.replace(microsecond=0)
    async with signed_in(api, token_of(settings)) as browser:

        async def then(at: str) -> str:
            answer = await browser.get(f"/ui/models/{model}/aliases/production", params={"at": at})
            assert answer.status_code == 200
            found = re.search(r'<p id="then">(.*?)</p>', answer.text, re.DOTALL)
            assert found is not None
            return found[1]

        assert "pointed at no version" in await then("2020-01-01T00:00:00")
        assert ">2</a> <bdi>two</bdi>" in await then("2999-01-01T00:00")
        assert ">2</a>" in await then(moved.at.isoformat())
        assert ">2</a>" not in await then(before.isoformat())
        for wrong in ("yesterday", "2020-13-01T00:00:00", "1" * 65, "<script>", "inf", "NaN"):
            path = f"/ui/models/{model}/aliases/production"
            answer = await browser.get(path, params={"at": wrong})
            assert answer.status_code == 422, wrong
