"""A server that speaks MongoDB's protocol: `mongod` from the PATH, else SecantusDB.

SecantusDB is GPL-2.0. It is installed into an environment of its own and run as a process,
never imported. Its replica set always has the same name, so clients connect directly.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local.cache import exclusive
from local.packages import install_package
from local.ports import HOST
from local.process import ProcessPlan
from local.versions import find_program

MINIMUM_MONGOD = (6,)
INSTEAD = "put mongod 6 or newer on the PATH"
REPLICA_SET = "registry"
NOT_YET_INITIALIZED = 94
"""MongoDB's error code for a replica set that `replSetInitiate` was not yet sent to."""


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


def mongodb_url(port: int) -> str:
    """Connection string for the server on `port`."""
    return f"mongodb://{HOST}:{port}/?directConnection=true"


def plan_mongo(program: MongoProgram, data: Path, port: int) -> ProcessPlan:
    """The server on `port`, as a replica set of one node."""
    command = _mongod_command if program.is_mongod else _secantus_command
    return ProcessPlan(
        name="mongo",
        command=command(program.path, data, port),
        environment=_environment(),
        folder=data.parent,
        port=port,
        is_ready=lambda: _is_ready(port),
        before_start=lambda: data.mkdir(parents=True, exist_ok=True),
    )


def _mongod_command(program: Path, data: Path, port: int) -> tuple[str, ...]:
    listen = ("--bind_ip", HOST, "--port", str(port))
    # What a killed process left open holds up others for so many seconds.
    limits = ("--setParameter", "transactionLifetimeLimitSeconds=20")
    return (str(program), "--replSet", REPLICA_SET, "--dbpath", str(data), *listen, *limits)


def _secantus_command(program: Path, data: Path, port: int) -> tuple[str, ...]:
    listen = ("--host", HOST, "--port", str(port))
    # Without the sync, a killed server comes back without its last commits; mongod would not.
    storage = ("--storage-path", str(data), "--sync-on-commit")
    return (str(program), *listen, *storage, "--log-level", "WARNING")


def _environment() -> Mapping[str, str]:
    return {"PATH": os.defpath, "HOME": str(Path.home())}


def _is_ready(port: int) -> bool:
    """Whether the node takes writes; a node that was never initiated is initiated first."""
    with MongoClient[dict[str, Any]](mongodb_url(port), serverSelectionTimeoutMS=1000) as client:
        try:
            return bool(client.admin.command("hello")["isWritablePrimary"] or _initiate(client))
        except PyMongoError:
            return False


def _initiate(client: MongoClient[dict[str, Any]]) -> bool:
    """Initiate a new replica set; False, because being elected takes a moment."""
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code == NOT_YET_INITIALIZED:
            address = ":".join(map(str, client.address or ()))
            members = [{"_id": 0, "host": address}]
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
    return False
