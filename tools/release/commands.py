"""Programs that a release runs, each with a limit."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from tools.release.errors import ReleaseError

ENGINE_SECONDS = 10.0
"""Limit for the container engine to say that it is there."""
GIT_SECONDS = 60.0
BUILD_SECONDS = 300.0
"""Limit for the wheel and the sdist."""
IMAGE_SECONDS = 1800.0


def run(command: tuple[str, ...], folder: Path, timeout_seconds: float = GIT_SECONDS) -> str:
    """Run a program in a folder and return what it printed.

    Raises ReleaseError, with the last line of its errors, when it fails or takes too long.
    """
    shown = shlex.join(command)
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=timeout_seconds
        )
    except FileNotFoundError:
        raise ReleaseError(f"{command[0]} is not on the PATH") from None
    except subprocess.TimeoutExpired:
        raise ReleaseError(f"{shown}: no end within {timeout_seconds:.0f} s") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise ReleaseError(f"{shown}: {lines[-1] if lines else 'failed'}")
    return done.stdout


def uv() -> str:
    """The uv that runs this, which tells its path to what it starts, or the one on the PATH."""
    return os.environ.get("UV") or "uv"


def engine_answers(folder: Path) -> bool:
    """Whether images can be built here."""
    if shutil.which("docker") is None:
        return False
    try:
        run(("docker", "info"), folder, ENGINE_SECONDS)
    except ReleaseError:
        return False
    return True
