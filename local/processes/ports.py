"""Which ports the servers and services listen on, all of them on the loopback address."""

import fcntl
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from local.programs.cache import cache_folder

HOST = "127.0.0.1"

USUAL_PORTS: Mapping[str, int] = {
    "kafka": 9092,
    "kafka-controller": 9093,
    "mongo": 27017,
    "minio": 9000,
    "ingest": 8000,
    "query": 8001,
    "indexer": 8002,
    "notifier": 8003,
}
"""The port that each is known by."""

FREE_PORTS = range(20_000, 32_000)
"""Where a free port is looked for: below those that systems give to outgoing connections. One of
them could take the port of a server that is down, even a client's own attempt to reach it."""

PortPolicy = Literal["usual", "free"]
"""usual: the well-known port, a free one when it is taken; free: any free port."""


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of a server that has just gone do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class Reservations:
    """Free ports that were given away, for as long as the process that took them lives.

    A port is free until the server that it was chosen for listens, which takes seconds: without
    this another run could choose it too, and each would take the other's server for its own.
    """

    def __init__(self, path: Path) -> None:
        """Use the file at `path`, whose bytes are locked: one for each port."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
        self._own: set[int] = set()  # a process's own lock does not keep it from locking again

    def take(self, port: int) -> bool:
        """Whether the port was nobody's, and is this process's now."""
        if port in self._own:
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except (BlockingIOError, PermissionError):  # POSIX allows either
            return False
        self._own.add(port)
        return True

    def close(self) -> None:
        """Give all of them back."""
        os.close(self._file)


@cache
def reservations() -> Reservations:
    """Those that every run on this machine shares."""
    return Reservations(cache_folder() / "locks" / "ports")


def choose_port(
    name: str,
    policy: PortPolicy,
    previous: int | None,
    is_free: Callable[[int], bool] = is_free,
    take: Callable[[int], bool] | None = None,
) -> int:
    """The port for `name`: the previous one when it is free, then by the policy.

    Staying on the previous port keeps the addresses that others were given.
    """
    if previous is not None and is_free(previous):
        return previous
    if policy == "usual" and is_free(USUAL_PORTS[name]):
        return USUAL_PORTS[name]
    take = take or reservations().take
    while True:
        port = secrets.choice(FREE_PORTS)
        if is_free(port) and take(port):
            return port
