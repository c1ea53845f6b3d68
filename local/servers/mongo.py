"""A server that speaks MongoDB's protocol, run as a replica set of one node that asks who one is.

SecantusDB's replica set always has the same name, so clients connect directly.
"""

import base64
import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local.processes.ports import HOST
from local.processes.process import ProcessPlan
from local.programs.mongo import MongoProgram
from shared.runtime.service_users import with_user

REPLICA_SET = "registry"
NOT_YET_INITIALIZED = 94
"""MongoDB's error code for a replica set that `replSetInitiate` was not yet sent to."""
USER_EXISTS = 51003
NO_RETRIES = "retryWrites=false"

Client = MongoClient[dict[str, Any]]


def mongodb_url(port: int, credentials: tuple[str, str] | None = None) -> str:
    """Connection string for the server on `port`, for a user with a password or for nobody."""
    url = f"mongodb://{HOST}:{port}/?directConnection=true"
    return with_user(url, *credentials) if credentials else url


def without_retries(mongodb_url: str) -> str:
    """Return the URL by which drivers repeat no write by themselves; it may say so already.

    At each retryable write SecantusDB looks through its last 10,000, and sorts them: once so many
    were made a write takes 7 ms instead of 0.6, and holds up all others.
    """
    if "retrywrites=" in mongodb_url.lower():
        return mongodb_url
    return f"{mongodb_url}{'&' if '?' in mongodb_url else '/?'}{NO_RETRIES}"


def plan_mongo(
    program: MongoProgram, data: Path, port: int, credentials: tuple[str, str]
) -> ProcessPlan:
    """The server on `port`; `credentials` are its administrator's, who is made first."""
    key, made = data.with_name("mongo-key"), data.with_name("mongo-user")
    begun = data.with_name("mongo-begun")
    command = _mongod_command if program.is_mongod else _secantus_command
    asking = ("--keyFile", str(key)) if program.is_mongod else ("--auth",)
    open_to_all = ProcessPlan(
        name="mongo",
        command=command(program.path, data, port),
        environment=_environment(),
        folder=data.parent,
        port=port,
        is_ready=lambda: _has_administrator(port, credentials, made, begun),
        scheme="mongodb",
    )

    def prepare() -> None:
        _make_folder(data, begun)
        if program.is_mongod and not key.exists():
            _write_key(key)

    def without_administrator() -> ProcessPlan | None:
        is_made = made.exists() and made.read_text(encoding="utf-8") == _fingerprint(credentials)
        return None if is_made and any(data.iterdir()) else open_to_all

    return replace(
        open_to_all,
        command=(*open_to_all.command, *asking),
        is_ready=lambda: _is_ready(port, credentials),
        before_start=prepare,
        first=without_administrator,
    )


def _mongod_command(program: Path, data: Path, port: int) -> tuple[str, ...]:
    listen = ("--bind_ip", HOST, "--port", str(port))
    # What a killed process left open holds up others for so many seconds.
    limits = ("--setParameter", "transactionLifetimeLimitSeconds=20")
    # Also while its user is made: without it, a server that was killed loses what it has in its
    # oplog alone.
    replica_set = ("--replSet", REPLICA_SET)
    return (str(program), "--dbpath", str(data), *listen, *replica_set, *limits)


def _secantus_command(program: Path, data: Path, port: int) -> tuple[str, ...]:
    listen = ("--host", HOST, "--port", str(port))
    # Without the sync, a killed server comes back without its last commits; mongod would not.
    storage = ("--storage-path", str(data), "--sync-on-commit")
    return (str(program), *listen, *storage, "--log-level", "WARNING")


def _environment() -> Mapping[str, str]:
    return {"PATH": os.defpath, "HOME": str(Path.home())}


def _make_folder(data: Path, begun: Path) -> None:
    """Make the folder of the data; `begun` is there until a server has been ready with it.

    One that is killed while it makes its files may leave some that no server opens. Nobody had
    written anything by then, so they are made anew.
    """
    if begun.exists():
        shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, exist_ok=True)
    if not any(data.iterdir()):
        begun.touch()


def _write_key(key: Path) -> None:
    """Write what members of a replica set know each other by; mongod wants it for its own alone."""
    key.touch(mode=0o600)
    key.write_bytes(base64.b64encode(secrets.token_bytes(96)))
    key.chmod(0o400)


def _has_administrator(port: int, credentials: tuple[str, str], made: Path, begun: Path) -> bool:
    """Make the administrator, at a server that asks nobody who they are; remember it in a file."""
    with Client(mongodb_url(port), serverSelectionTimeoutMS=1000) as client:
        try:
            if not _takes_writes(client):
                return False
            _make_administrator(client, *credentials)
        except PyMongoError:
            return False
    made.unlink(missing_ok=True)
    made.touch(mode=0o600)
    made.write_text(_fingerprint(credentials), encoding="utf-8")
    begun.unlink(missing_ok=True)
    return True


def _fingerprint(credentials: tuple[str, str]) -> str:
    return hashlib.sha256(":".join(credentials).encode()).hexdigest()


def _make_administrator(client: Client, user: str, password: str) -> None:
    roles = [{"role": "root", "db": "admin"}]
    try:
        client.admin.command("createUser", user, pwd=password, roles=roles)
    except OperationFailure as failure:
        if failure.code != USER_EXISTS:
            raise
        client.admin.command("updateUser", user, pwd=password, roles=roles)


def _is_ready(port: int, credentials: tuple[str, str]) -> bool:
    """Whether the node takes writes, by its administrator's credentials."""
    with Client(mongodb_url(port, credentials), serverSelectionTimeoutMS=1000) as client:
        try:
            return _takes_writes(client)
        except PyMongoError:
            return False


def _takes_writes(client: Client) -> bool:
    """Whether the node is a primary; a node that was never initiated is initiated first."""
    return bool(client.admin.command("hello")["isWritablePrimary"] or _initiate(client))


def _initiate(client: Client) -> bool:
    """Initiate a new replica set; False, because being elected takes a moment."""
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code == NOT_YET_INITIALIZED:
            address = ":".join(map(str, client.address or ()))
            members = [{"_id": 0, "host": address}]
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
    return False
