"""Which ports the servers and services listen on, all of them on the loopback address."""

import secrets
import socket
from collections.abc import Callable, Mapping
from typing import Literal

HOST = "127.0.0.1"

USUAL_PORTS: Mapping[str, int] = {
    "kafka": 9092,
    "kafka-controller": 9093,
    "mongo": 27017,
    "minio": 9000,
    "ingest": 8000,
    "query": 8001,
    "indexer": 8002,
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


def choose_port(
    name: str, policy: PortPolicy, previous: int | None, is_free: Callable[[int], bool] = is_free
) -> int:
    """The port for `name`: the previous one when it is free, then by the policy.

    Staying on the previous port keeps the addresses that others were given.
    """
    if previous is not None and is_free(previous):
        return previous
    if policy == "usual" and is_free(USUAL_PORTS[name]):
        return USUAL_PORTS[name]
    while True:
        port = secrets.choice(FREE_PORTS)
        if is_free(port):
            return port
