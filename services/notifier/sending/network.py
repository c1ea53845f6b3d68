"""Connections to receivers: a name is resolved once, and what was checked is what is connected to.

Whoever owns a name can let it stand for another address from one question to the next. So the
address that passed the check is handed to the socket, and the name to TLS alone.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, cast

import httpcore

from shared.domain.webhooks.addresses import Address, Network, parse_address, refusal_of

MOST_ADDRESSES = 4
"""Addresses of one name that are tried, one after the other."""
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(Exception):
    """Nothing is sent to where the name leads."""


class Resolver:
    """Asks the system for addresses, in its own threads: a name may take long to be not found."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a name; raises OSError where it has none."""
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return list(dict.fromkeys(str(each[4][0]) for each in found))

    def close(self) -> None:
        """Wait for no question that is under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that webhooks may go to."""

    def __init__(self, allowed: Iterable[Network], resolve: Resolve) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve
        self._sockets = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first allowed address of a name that answers.

        Raises AddressRefused where it has none that is allowed, and httpcore's errors.
        """
        deadline = monotonic() + (timeout or 0.0)
        addresses = await self._allowed_of(host, port, timeout)
        for last, address in enumerate(addresses, 1 - len(addresses)):
            left = None if timeout is None else max(deadline - monotonic(), 0.01)
            try:
                return await self._sockets.connect_tcp(
                    str(address), port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == 0:
                    raise
        raise AssertionError("unreachable: the last address answers or raises")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raise AddressRefused: no address of ours is a file."""
        raise AddressRefused("no socket is reached by a file")

    async def sleep(self, seconds: float) -> None:
        """Wait, between tries of the pool's own, of which there are none."""
        await asyncio.sleep(seconds)

    async def _allowed_of(self, host: str, port: int, seconds: float | None) -> list[Address]:
        try:
            async with asyncio.timeout(seconds):
                texts = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("its name was not found in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("its name is not found") from error
        found = [parse_address(text) for text in texts]
        refusals = {address: refusal_of(address, self._allowed) for address in found}
        allowed = [address for address, refusal in refusals.items() if not refusal]
        if not allowed:
            told = next(iter(refusals.values()), "none")
            raise AddressRefused(f"its address is not allowed ({told})")
        return allowed[:MOST_ADDRESSES]
