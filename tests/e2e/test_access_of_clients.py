"""Access as a user of the client meets it: profiles, tokens, an upload that is handed over."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import registry
from local.processes.ports import HOST
from registry._profiles import profiles_path, read_profiles
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.command import CODE
from tests.support.eventually import eventually
from tests.support.terminal import Terminal

COMMAND = [sys.executable, "-c", CODE]
REVOKED_WITHIN_SECONDS = 10


@pytest.fixture
def url(settings: Settings) -> str:
    return f"http://{HOST}:{settings.registry_port}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has no profile yet, and whose environment names no registry."""
    for name in ("REGISTRY_URL", "REGISTRY_TOKEN", "REGISTRY_ORIGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def run(*arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `registry`; the environment is added to that of the user."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def answer(*arguments: str, **environment: str) -> Any:
    """Run `registry`, which must succeed, and return what it prints as JSON."""
    ended = run(*arguments, "--json", **environment)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def administrator(url: str, settings: Settings) -> None:
    """The administrator has logged in."""
    ended = run(
        *("login", url, "--token-stdin", "--trust-origins"), given=f"{token_of(settings)}\n"
    )
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def reader(administrator: None, model: str) -> dict[str, Any]:
    """A token that may read one model."""
    return answer("token", "create", "--name", "a reader", "--grant", f"reader:{model}")


def file_of(folder: Path, content: bytes) -> str:
    file = folder / "model.bin"
    file.write_bytes(content)
    return str(file)


def test_a_person_logs_in_at_a_terminal(url: str, settings: Settings, model: str) -> None:
    token = token_of(settings)
    terminal = Terminal([*COMMAND, "login", url], os.environ)
    terminal.until("Token: ")
    terminal.type(token)
    terminal.until("[y/N]")
    assert settings.ingest_url in terminal.shown
    assert settings.query_url in terminal.shown
    terminal.type("y")
    assert terminal.end() == 0
    assert "administrator" in terminal.shown
    assert token not in terminal.shown, "it is typed unseen"
    assert stat.S_IMODE(profiles_path().stat().st_mode) == 0o600
    assert run("whoami").returncode == 0, "it is the default now"
    with registry.ModelRegistryClient(url) as client:
        assert client.upload(model, b"one").state == "ready"
        assert client.whoami().grants == ["admin:*"]


def test_a_person_who_does_not_trust_the_addresses_keeps_nothing(
    url: str, settings: Settings
) -> None:
    terminal = Terminal([*COMMAND, "login", url], os.environ)
    terminal.until("Token: ")
    terminal.type(token_of(settings))
    terminal.until("[y/N]")
    terminal.type("")
    assert terminal.end() == 4
    assert read_profiles().kept == ()


def test_a_token_that_counts_nothing_is_not_kept(url: str) -> None:
    refused = run("login", url, "--token-stdin", "--yes", given="mr_0123456789abcdef_wrong")
    assert refused.returncode == 4
    assert read_profiles().kept == ()


def test_without_a_token_the_registry_says_what_to_do(url: str) -> None:
    refused = run("list", "--url", url)
    assert refused.returncode == 4
    assert f"run `registry login {url}`" in refused.stderr
    assert answer("whoami", "--url", url)["kind"] == "anonymous"


def test_a_token_may_do_what_it_was_granted_and_nothing_else(
    administrator: None, reader: dict[str, Any], url: str, model: str, home: Path
) -> None:
    file = file_of(home, b"one")
    assert answer("upload", model, file)["state"] == "ready"
    assert answer("upload", f"{model}-other", file)["state"] == "ready"
    token = reader["token"]
    assert answer("whoami", REGISTRY_TOKEN=token)["grants"] == [f"reader:{model}"]
    assert answer("show", model, REGISTRY_TOKEN=token)["number"] == 1
    assert answer("list", REGISTRY_TOKEN=token)["name"] == model
    refused = run("upload", model, file_of(home, b"two"), REGISTRY_TOKEN=token)
    assert (refused.returncode, f"writer:{model}" in refused.stderr) == (4, True)
    assert run("show", f"{model}-other", REGISTRY_TOKEN=token).returncode == 3
    assert run("token", "list", REGISTRY_TOKEN=token).returncode == 4


async def test_a_token_that_is_revoked_is_refused_by_every_service(
    administrator: None, reader: dict[str, Any], url: str, model: str, home: Path
) -> None:
    token = {"REGISTRY_TOKEN": reader["token"]}
    assert run("token", "list").stdout.count(reader["id"]) == 1
    assert run("whoami", **token).returncode == 0
    assert answer("upload", model, file_of(home, b"one"))["state"] == "ready"
    assert run("show", model, **token).returncode == 0
    assert run("token", "revoke", reader["id"]).returncode == 0

    async def is_refused() -> bool | None:
        asked = (run("whoami", **token), run("show", model, **token))
        return all(each.returncode == 4 for each in asked) or None

    await eventually(is_refused, REVOKED_WITHIN_SECONDS)
    assert "that of REGISTRY_TOKEN" in run("whoami", **token).stderr


async def test_a_token_ends_by_itself(administrator: None, model: str) -> None:
    made = answer(
        *("token", "create", "--name", "short", "--grant", f"reader:{model}", "--expires", "1s")
    )

    async def is_refused() -> bool | None:
        return run("whoami", REGISTRY_TOKEN=made["token"]).returncode == 4 or None

    await eventually(is_refused, REVOKED_WITHIN_SECONDS)


def test_logout_revokes_the_token_that_it_forgets(
    reader: dict[str, Any], url: str, settings: Settings
) -> None:
    ended = run("login", url, "--token-stdin", "--yes", given=reader["token"])
    assert ended.returncode == 0, ended.stderr
    assert run("logout", "--revoke").returncode == 0
    assert read_profiles().kept == ()
    origins = f"{settings.ingest_url},{settings.query_url}"
    with registry.ModelRegistryClient(
        url, token=token_of(settings), origins=origins.split(",")
    ) as client:
        found = {token.id: token.revoked_at for token in client.tokens.list()}
    assert found[reader["id"]] is not None


@pytest.mark.parametrize("size_bytes", [1000, 12 * 1024 * 1024])
def test_a_job_without_a_token_of_its_own_is_handed_one_upload(
    administrator: None, url: str, model: str, home: Path, size_bytes: int
) -> None:
    file = file_of(home, size_bytes * b"w")
    opened = answer("uploads", "open", model, "--declare", f"weights.bin={size_bytes}")
    job = {
        "XDG_CONFIG_HOME": str(home / "nothing"),
        "REGISTRY_URL": opened["url"],
        "REGISTRY_ORIGINS": ",".join(opened["origins"]),
        "REGISTRY_TOKEN": opened["token"],
    }
    assert answer("whoami", **job)["kind"] == "upload"
    version = answer("upload", "--into", opened["upload_id"], file, **job)
    assert (version["id"], version["state"]) == (opened["version_id"], "ready")
    assert version["artifacts"][0]["path"] == "weights.bin"
    again = answer("upload", "--into", opened["upload_id"], file, **job)
    assert again["id"] == version["id"]

    other = answer("uploads", "open", model, "--declare", "weights.bin=3")
    assert run("upload", "--into", other["upload_id"], file, **job).returncode == 3
    assert run("uploads", "abort", other["upload_id"], **job).returncode == 3
    assert run("upload", model, file, **job).returncode != 0
    assert run("download", model, "--to", str(home / "back"), **job).returncode != 0
    assert run("list", **job).stdout.count(model) == 0
    assert run("token", "create", "--name", "n", "--grant", "reader:*", **job).returncode == 4


def test_bytes_that_another_job_sent_are_no_success(
    administrator: None, url: str, model: str, home: Path
) -> None:
    opened = answer("uploads", "open", model, "--declare", "weights.bin=3")
    assert run("upload", "--into", opened["upload_id"], file_of(home, b"one")).returncode == 0
    refused = run("upload", "--into", opened["upload_id"], file_of(home, b"two"))
    assert refused.returncode == 4
    assert "weights.bin has other bytes than version 1" in refused.stderr
