"""Names of the running registry, completed by a real bash with the printed script."""

import os
import pty
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.command import CODE, registry_command
from tests.support.eventually import eventually

PRESSED = """
source "$1"; shift
COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_registry_completion registry "${@: -1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def url(settings: Settings) -> str:
    return f"http://{HOST}:{settings.registry_port}"


@pytest.fixture
def shell(tmp_path: Path, url: str) -> Path:
    """A folder with the command and its script for bash."""
    program = tmp_path / "registry"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{CODE}" "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = subprocess.run(
        (str(program), "completion", "bash"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (tmp_path / "script").write_text(script.stdout)
    return tmp_path


def pressed(folder: Path, url: str, *words: str) -> list[str]:
    bash = shutil.which("bash")
    assert bash is not None
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "REGISTRY_URL": url,
    }
    done = subprocess.run(
        (bash, "--norc", "-c", PRESSED, "bash", str(folder / "script"), "registry", *words),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def typed(folder: Path, url: str, keys: str) -> str:
    """Return what a person sees on the line once bash has completed it."""
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "REGISTRY_URL": url,
        "PS1": "> ",
        "TERM": "dumb",
        "INPUTRC": os.devnull,
    }
    ours, theirs = pty.openpty()
    program = shutil.which("bash")
    assert program is not None
    with subprocess.Popen(
        (program, "--norc", "--noprofile", "-i"),
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as bash:
        os.close(theirs)
        try:
            os.write(ours, f"source {folder / 'script'}; echo rea''dy\n".encode())
            _read_until(ours, "ready")
            os.write(ours, keys.encode())
            return _read_until(ours, "@production").rstrip()
        finally:
            bash.kill()
            os.close(ours)


def _read_until(terminal: int, text: str) -> str:
    seen = ""
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, seen
        seen += os.read(terminal, 4096).decode()
    return seen


async def test_models_versions_and_aliases_are_offered(
    shell: Path, url: str, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"w", path="m.bin", version="1.2.0")
    await client.set_alias(model, "production", 1)

    async def found() -> bool | None:
        return pressed(shell, url, "show", model[:-2]) == [model] or None

    await eventually(found)
    other = f"{model}_b"
    for name in (other, f"{model}-b"):
        await client.upload(name, b"w", path="m.bin")

    async def found_by_underscore() -> bool | None:
        return pressed(shell, url, "show", f"{model}_") == [other] or None

    await eventually(found_by_underscore)
    assert pressed(shell, url, "show", model, "@pro") == ["@production"]
    assert pressed(shell, url, "show", model, "") == ["@production", "latest", "1", "1.2.0"]
    assert pressed(shell, url, "alias", "show", model, "p") == ["production"]
    assert pressed(shell, url, "fetch", f"{model}@p") == [f"{model}@production"]
    line = typed(shell, url, f"registry fetch {model}@pr\t")
    assert line.endswith(f"registry fetch {model}@production")


async def test_open_prints_the_page(
    url: str, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"w", path="m.bin", version="1.2.0")
    page = f"{settings.query_url}/ui/models/{model}"
    assert registry_command("open", model, "--no-browser", url=url) == f"{page}\n"
    told = registry_command("open", model, "1.2.0", "--no-browser", url=url)
    assert told == f"{page}/versions/1\n"
    registry_command("open", "nowhere", "--no-browser", url=url, status=3)
