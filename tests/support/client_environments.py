"""Environments of clients that other people wrote: each version of a client in one of its own.

They are made by uv, in a folder that stays, so that a second run starts at once. Nothing of them is
in the project's lock: a client is asked for by its exact version.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from filelock import FileLock

from local.servers.services import CHECKOUT

FOLDER = CHECKOUT / ".local" / "clients"
INSTALL_SECONDS = 300
RUN_SECONDS = 120


def versions_of(newest: object, old: object) -> list[ParameterSet]:
    """Return the parameters of a test with two versions of a client; the old one is run if asked
    for by `--clients=all`."""
    return [
        pytest.param(newest, id="newest"),
        pytest.param(old, id="old", marks=pytest.mark.old_client),
    ]


def client_environment(*requirements: str) -> Path:
    """Return the folder of programs of an environment with these requirements.

    Requirements are as pip reads them (`huggingface_hub==0.36.2`); processes that ask for the same
    ones at once wait for the first of them.
    """
    name = hashlib.sha256("\n".join([sys.version, *sorted(requirements)]).encode()).hexdigest()[:16]
    made, done = FOLDER / name, FOLDER / name / "done"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(FOLDER / f"{name}.lock", timeout=2 * INSTALL_SECONDS):
        if not done.exists():
            shutil.rmtree(made, ignore_errors=True)
            _uv("venv", "--python", sys.executable, str(made))
            _uv("pip", "install", "--python", str(made / "bin" / "python"), *requirements)
            done.touch()
    return made / "bin"


def run_client(
    *command: str | Path, environment: dict[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a client's program to its end and return what it printed, whatever its exit code.

    It sees the variables of `environment`, and of the tests' own only where programs are and home
    is: no proxy, token or cache of whoever runs the tests.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    home = {"HOME": str(folder)} if folder else {}
    return subprocess.run(
        [str(each) for each in command],
        check=False,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        env={**kept, **home, **(environment or {})},
        cwd=folder,
    )


def _uv(*arguments: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` tells its programs where it is
    if uv is None:
        raise RuntimeError("uv is needed to make environments of clients: make test runs by it")
    subprocess.run([uv, *arguments], check=True, timeout=INSTALL_SECONDS, capture_output=True)
