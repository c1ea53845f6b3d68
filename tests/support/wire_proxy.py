"""A proxy before the MongoDB-protocol server, which answers chosen commands with errors itself.

Everything else passes as it is, but for what the driver's monitor asks: the proxy keeps its own
count of topology changes, so that after a NotWritablePrimary the driver finds its server again at
once, as it does after a real election.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from bson.int64 import Int64
from pymongo.uri_parser import parse_uri

from local.processes.ports import HOST
from tests.support.accepting import accepting
from tests.support.wire_connection import WireConnection
from tests.support.wire_faults import NOT_PRIMARY, Fault, Match, RandomFaults, Rule, Script
from tests.support.wire_messages import Command, ProtocolError

TopologyVersion = dict[str, Any]


class Hold:
    """Holds back the next command that matches until it is released."""

    def __init__(self, match: Match) -> None:
        self._match = match
        self._reached: Future[None] = Future()
        self._released: Future[None] = Future()

    async def reached(self) -> None:
        """Return once a command is held."""
        await asyncio.shield(asyncio.wrap_future(self._reached))

    def release(self) -> None:
        """Let the held command go on, or the next that matches if none is held yet."""
        if not self._released.done():
            self._released.set_result(None)

    async def pass_through(self, command: Command) -> None:
        if not self._reached.done() and self._match(command):
            self._reached.set_result(None)
            await asyncio.shield(asyncio.wrap_future(self._released))


class WireProxy:
    """What the tests see of the proxy: its address, rules, and counts."""

    def __init__(self, url: str) -> None:
        self.url = url
        """Connection string of the way through the proxy."""
        self.rules: list[Rule] = []
        """Asked in order for each command; the first fault counts."""
        self.injected: Counter[str] = Counter()
        """How often each fault was injected, by its name."""
        self.seen: Counter[str] = Counter()
        """How often each command came, by its name."""
        self._holds: list[Hold] = []
        self._done: dict[tuple[bytes, int], Mapping[str, Any]] = {}
        self._true_version: TopologyVersion | None = None
        self._changes = 0
        self._changed = asyncio.Event()

    def inject(self, fault: Fault, match: Match = lambda _: True, *, times: int = 1) -> Script:
        """Give the fault to the next commands that match and that MongoDB could answer so."""
        script = Script(fault, match, times)
        self.rules.append(script)
        return script

    def inject_at_random(self, *, rate: float, seed: int, kinds: tuple[Fault, ...]) -> RandomFaults:
        """Give one of the faults to this share of the commands."""
        faults = RandomFaults(rate, seed, kinds)
        self.rules.append(faults)
        return faults

    def hold(self, match: Match) -> Hold:
        """Hold back the next command that matches; commands on other connections pass."""
        hold = Hold(match)
        self._holds.append(hold)
        return hold

    async def decide(self, command: Command) -> Fault | None:
        """Return what goes wrong with a command, after it was held back for as long as asked."""
        self.seen[command.name] += 1
        for hold in self._holds:
            await hold.pass_through(command)
        for rule in self.rules:
            if fault := rule(command):
                return fault
        return None

    def note(self, fault: Fault) -> None:
        """Count a fault that is about to be told."""
        self.injected[fault.name] += 1
        if fault.code in NOT_PRIMARY:
            self._changes += 1
            self._changed.set()
            self._changed = asyncio.Event()

    def remember(self, command: Command, answer: Mapping[str, Any]) -> None:
        """Keep the answer to a write that will be sent again, for want of an answer.

        MongoDB knows a write by session and number and does it once. The local server compares
        whole commands, and takes one with another `maxTimeMS` for another write.
        """
        if (write := command.retryable_write) is not None:
            self._done[write] = answer

    def answer_of(self, command: Command) -> Mapping[str, Any] | None:
        """Return the answer to a write that was done when it came before."""
        write = command.retryable_write
        return self._done.get(write) if write else None

    @property
    def topology_version(self) -> TopologyVersion | None:
        """What the server told, and the changes that were made up since."""
        return self._true_version and self._shifted(self._true_version)

    def shift(self, true: TopologyVersion) -> TopologyVersion | None:
        """Return what is told instead of the server's topology version; None where that is true."""
        self._true_version = true
        return self._shifted(true) if self._changes else None

    async def topology_changed(self, known: object, seconds: float) -> None:
        """Return once the topology is not the known one, or after so many seconds."""
        changed = self._changed
        if known == self.topology_version:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await changed.wait()

    def _shifted(self, true: TopologyVersion) -> TopologyVersion:
        return {**true, "counter": Int64(true["counter"] + self._changes)}


@contextmanager
def wire_proxy(url: str) -> Generator[WireProxy]:
    """Listen on a port of its own for clients of the server at `url`.

    Runs in a thread of its own, since drivers block their caller's loop when they are closed.
    Raises ProtocolError at the end where a client sent what the proxy cannot read.
    """
    ready: Future[tuple[WireProxy, Callable[[], object]]] = Future()
    with ThreadPoolExecutor(1, "wire-proxy") as thread:
        serving = thread.submit(asyncio.run, _serve(url, ready))
        serving.add_done_callback(lambda _: ready.cancel())
        try:
            proxy, stop = ready.result()
        except CancelledError:
            serving.result()
            raise
        try:
            yield proxy
        finally:
            stop()
            serving.result()


async def _serve(url: str, ready: Future[tuple[WireProxy, Callable[[], object]]]) -> None:
    host, port = parse_uri(url)["nodelist"][0]
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    failures: list[ProtocolError] = []

    async def serve(asked: asyncio.StreamReader, asker: asyncio.StreamWriter) -> None:
        try:
            answers, answerer = await asyncio.open_connection(host, port)
            await WireConnection(proxy, (asked, asker), (answers, answerer)).run()
        except ProtocolError as error:
            failures.append(error)

    async with accepting(serve) as own:
        proxy = WireProxy(url.replace(f"{host}:{port}", f"{HOST}:{own}"))
        ready.set_result((proxy, lambda: loop.call_soon_threadsafe(stopped.set)))
        await stopped.wait()
    if failures:
        raise failures[0]
