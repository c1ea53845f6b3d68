"""Names of hosts: whether the resolver answers at all.

The system's resolver cannot be interrupted, and by its defaults tries for half a minute. So each
name is asked for in a thread that nobody waits for, before anything connects to it.
"""

import asyncio
import socket
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import SplitResult
from urllib.request import getproxies, proxy_bypass

from registry._threads import in_own_thread


async def until_resolved(host: str, seconds: float) -> None:
    """Return once the resolver has answered, be it that there is no such host.

    What it answered is for whoever connects to tell. Raises TimeoutError.
    """
    if _needs_no_resolver(host):
        return

    def look_up() -> None:
        with suppress(OSError, UnicodeError):
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)

    async with asyncio.timeout(seconds):
        await in_own_thread(look_up)


def _needs_no_resolver(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_proxied(address: SplitResult) -> bool:
    """Whether a proxy of the environment resolves the name of an address, and not this machine."""
    proxies = getproxies()
    named = proxies.get(address.scheme) or proxies.get("all")
    return bool(named) and not proxy_bypass(address.hostname or "")
