"""MinIO, built from its source once. It is AGPL-3.0, and only ever run, never linked."""

import shutil
from collections.abc import Callable
from pathlib import Path

from local.programs.cache import exclusive
from local.programs.go import build_environment, install_go, run_go

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
    package = f"github.com/minio/minio@{VERSION}"
    command = [str(go), "install", "-v", "-trimpath", "-ldflags", "-s -w", package]
    run_go("MinIO", command, build_environment(build, CGO_ENABLED="0"), report)
    program.parent.mkdir(parents=True, exist_ok=True)
    (build / "bin" / "minio").replace(program)
    # About 2 GB of sources and objects, of no use once the program is there.
    shutil.rmtree(build)
