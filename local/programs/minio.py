"""MinIO, built from its source once. It is AGPL-3.0, and only ever run, never linked."""

import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path

from local.errors import UnavailableError
from local.programs.cache import exclusive
from local.programs.go import install_go

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
MINIMUM_GO = (1, 24, 8)
"""What the go.mod of that version asks for."""


def install_minio(cache: Path, report: Callable[[str], None]) -> Path:
    """The MinIO program, built into the cache folder when it is not there yet.

    Raises UnavailableError when there is no Go toolchain to be had or the build fails.
    """
    program = cache / "minio" / VERSION / "minio"
    with exclusive(cache / "locks" / "minio", report):
        if not program.exists():
            _build(program, cache / "build", report)
    return program


def _build(program: Path, build: Path, report: Callable[[str], None]) -> None:
    go = install_go(MINIMUM_GO, build, report)
    staging = build / "bin"
    package = f"github.com/minio/minio@{VERSION}"
    command = [str(go), "install", "-v", "-trimpath", "-ldflags", "-s -w", package]
    _run(command, _build_environment(build, staging), report)
    program.parent.mkdir(parents=True, exist_ok=True)
    (staging / "minio").replace(program)
    # About 2 GB of sources and objects, of no use once the program is there.
    shutil.rmtree(build)


def _build_environment(build: Path, staging: Path) -> dict[str, str]:
    """Everything that Go writes stays below `build`, and can be deleted."""
    flags = f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip()
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": flags,
        "GOPATH": str(build / "gopath"),
        "GOMODCACHE": str(build / "modules"),
        "GOCACHE": str(build / "objects"),
        "GOBIN": str(staging),
    }


def _run(command: list[str], environment: dict[str, str], report: Callable[[str], None]) -> None:
    last = deque[str](maxlen=1)
    packages = 0
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        for line in process.stderr or ():
            last.append(line.strip())
            downloading = line.startswith("go: downloading")
            packages += not downloading
            report("downloading modules" if downloading else f"{packages} packages compiled")
    if process.returncode != 0:
        reason = last.pop() if last else "go install failed"
        raise UnavailableError("MinIO", reason, "check the network and run this again")
