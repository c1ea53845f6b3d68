"""Further addresses of this machine: what is done from one counts for nobody else."""

import socket

import httpx
import pytest


def transport_from(address: str) -> httpx.AsyncHTTPTransport:
    """Connections that come from this address of the loopback network; skips where it has one."""
    with socket.socket() as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            pytest.skip(f"this machine does not answer to {address}")
    return httpx.AsyncHTTPTransport(local_address=address, limits=httpx.Limits(max_connections=32))
