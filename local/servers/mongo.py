"""A server that speaks MongoDB's protocol, run as a replica set of one node.

SecantusDB's replica set always has the same name, so clients connect directly.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local.processes.ports import HOST
from local.processes.process import ProcessPlan
from local.programs.mongo import MongoProgram

REPLICA_SET = "registry"
NOT_YET_INITIALIZED = 94
"""MongoDB's error code for a replica set that `replSetInitiate` was not yet sent to."""


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
        scheme="mongodb",
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
