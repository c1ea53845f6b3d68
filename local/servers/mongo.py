"""A server that speaks MongoDB's protocol, run as a replica set of one node that asks who one is.

SecantusDB's replica set always has the same name, so clients connect directly.
"""

import base64
import hashlib
import os
import secrets
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local.errors import NotReadyError
from local.processes.ports import HOST
from local.processes.process import POLL_SECONDS, ProcessPlan
from local.programs.mongo import MongoProgram
from shared.runtime.service_users import with_user

REPLICA_SET = "registry"
NOT_YET_INITIALIZED = 94
"""MongoDB's error code for a replica set that `replSetInitiate` was not yet sent to."""
USER_EXISTS = 51003
OPEN_SECONDS = 60.0
"""How long the server may take to come up for making its first user."""

Client = MongoClient[dict[str, Any]]


def mongodb_url(port: int, credentials: tuple[str, str] | None = None) -> str:
    """Connection string for the server on `port`, for a user with a password or for nobody."""
    url = f"mongodb://{HOST}:{port}/?directConnection=true"
    return with_user(url, *credentials) if credentials else url


def plan_mongo(
    program: MongoProgram, data: Path, port: int, credentials: tuple[str, str]
) -> ProcessPlan:
    """The server on `port`; `credentials` are its administrator's, who is made first."""
    key, made = data.with_name("mongo-key"), data.with_name("mongo-user")
    command = _mongod_command if program.is_mongod else _secantus_command
    asking = ("--keyFile", str(key), "--replSet", REPLICA_SET) if program.is_mongod else ("--auth",)
    plain = command(program.path, data, port)

    def prepare() -> None:
        data.mkdir(parents=True, exist_ok=True)
        if program.is_mongod and not key.exists():
            _write_key(key)
        fingerprint = hashlib.sha256(":".join(credentials).encode()).hexdigest()
        if not made.exists() or made.read_text(encoding="utf-8") != fingerprint:
            with _open_server(plain, port, data.with_name("mongo-user.log")) as client:
                _make_administrator(client, *credentials)
            made.write_text(fingerprint, encoding="utf-8")

    return ProcessPlan(
        name="mongo",
        command=(*plain, *asking),
        environment=_environment(),
        folder=data.parent,
        port=port,
        is_ready=lambda: _is_ready(port, credentials),
        before_start=prepare,
        scheme="mongodb",
    )


def _mongod_command(program: Path, data: Path, port: int) -> tuple[str, ...]:
    listen = ("--bind_ip", HOST, "--port", str(port))
    # What a killed process left open holds up others for so many seconds.
    limits = ("--setParameter", "transactionLifetimeLimitSeconds=20")
    return (str(program), "--dbpath", str(data), *listen, *limits)


def _secantus_command(program: Path, data: Path, port: int) -> tuple[str, ...]:
    listen = ("--host", HOST, "--port", str(port))
    # Without the sync, a killed server comes back without its last commits; mongod would not.
    storage = ("--storage-path", str(data), "--sync-on-commit")
    return (str(program), *listen, *storage, "--log-level", "WARNING")


def _environment() -> Mapping[str, str]:
    return {"PATH": os.defpath, "HOME": str(Path.home())}


def _write_key(key: Path) -> None:
    """Write what members of a replica set know each other by; mongod wants it for its own alone."""
    key.touch(mode=0o600)
    key.write_bytes(base64.b64encode(secrets.token_bytes(96)))
    key.chmod(0o400)


@contextmanager
def _open_server(command: tuple[str, ...], port: int, log: Path) -> Generator[Client]:
    """Run the server for a moment without asking who one is: nobody is known to it yet."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=_environment(), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        with Client(mongodb_url(port), serverSelectionTimeoutMS=500) as client:
            _wait_open(client, process, log)
            yield client
    finally:
        process.terminate()
        process.wait()


def _wait_open(client: Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + OPEN_SECONDS
    while True:
        try:
            client.admin.command("hello")
        except PyMongoError:
            if process.poll() is not None:
                raise NotReadyError("mongo", "ended while its user was made", log) from None
            if time.monotonic() > deadline:
                raise NotReadyError("mongo", "did not come up to have its user made", log) from None
            time.sleep(POLL_SECONDS)
        else:
            return


def _make_administrator(client: Client, user: str, password: str) -> None:
    roles = [{"role": "root", "db": "admin"}]
    try:
        client.admin.command("createUser", user, pwd=password, roles=roles)
    except OperationFailure as failure:
        if failure.code != USER_EXISTS:
            raise
        client.admin.command("updateUser", user, pwd=password, roles=roles)


def _is_ready(port: int, credentials: tuple[str, str]) -> bool:
    """Whether the node takes writes; a node that was never initiated is initiated first."""
    with Client(mongodb_url(port, credentials), serverSelectionTimeoutMS=1000) as client:
        try:
            return bool(client.admin.command("hello")["isWritablePrimary"] or _initiate(client))
        except PyMongoError:
            return False


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
