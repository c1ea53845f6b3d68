"""The oras program, built from its source once: a client of OCI registries that others wrote."""

import shutil
from pathlib import Path

from local.programs.cache import cache_folder, exclusive
from local.programs.go import build_environment, install_go, run_go

VERSION = "v1.3.6"
MINIMUM_GO = (1, 26, 7)
"""What the go.mod of that version asks for."""


def oras_program() -> Path:
    """Return the program; it takes half a minute where it is not there yet.

    Raises UnavailableError where there is no Go toolchain to be had, or the build fails.
    """
    cache = cache_folder()
    program = cache / "oras" / VERSION / "oras"
    with exclusive(cache / "locks" / "oras"):
        if not program.exists():
            _build(program, cache / "build-oras")
    return program


def _build(program: Path, build: Path) -> None:
    go = install_go(MINIMUM_GO, build, _nobody)
    package = f"oras.land/oras/cmd/oras@{VERSION}"
    command = [str(go), "install", "-v", "-trimpath", "-ldflags", "-s -w", package]
    run_go("oras", command, build_environment(build, CGO_ENABLED="0"), _nobody)
    program.parent.mkdir(parents=True, exist_ok=True)
    (build / "bin" / "oras").replace(program)
    shutil.rmtree(build)


def _nobody(_: str) -> None:
    """Tell nobody how far it is."""
