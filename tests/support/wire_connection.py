"""One client's connection through the wire proxy."""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Any, Protocol

from shared.runtime.tasks import end
from tests.support.wire_faults import Fault, error_of
from tests.support.wire_messages import (
    MORE_TO_COME,
    OP_MSG,
    Command,
    Message,
    answer_document,
    make_message,
    parse_command,
    read_message,
    with_document,
)

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
TRANSACTION_COMMITTED = 256
"""MongoDB's error code for the abort of a transaction that is committed."""
_OWN_IDS = 1 << 30
"""Above the numbers that a driver gives its requests in the life of a test."""


class Decisions(Protocol):
    """What a connection asks the proxy."""

    @property
    def topology_version(self) -> dict[str, Any] | None: ...

    async def decide(self, command: Command) -> Fault | None: ...

    def note(self, fault: Fault) -> None: ...

    def remember(self, command: Command, answer: Mapping[str, Any]) -> None: ...

    def answer_of(self, command: Command) -> Mapping[str, Any] | None: ...

    def shift(self, true: dict[str, Any]) -> dict[str, Any] | None: ...

    async def topology_changed(self, known: object, seconds: float) -> None: ...


class _Dropped(Exception):
    """The connection is to end here."""


class WireConnection:
    """Passes messages both ways, and puts in the answers that the proxy decides on."""

    def __init__(self, proxy: Decisions, client: Ends, server: Ends) -> None:
        self._proxy = proxy
        self._from_client, self._to_client = client
        self._from_server, self._to_server = server
        self._to_spoil: dict[int, tuple[Command, Fault]] = {}
        """Commands that the server carries out and whose answer gets lost, by request."""
        self._own: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        """Commands of the proxy itself, by request."""
        self._own_ids = count(_OWN_IDS)

    async def run(self) -> None:
        """Serve until either end is closed; raises ProtocolError."""
        ways = (asyncio.create_task(self._requests()), asyncio.create_task(self._answers()))
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()
        except _Dropped:
            return
        finally:
            self._to_server.close()  # first: waiting can be cancelled
            await end(*ways)

    async def _requests(self) -> None:
        while message := await read_message(self._from_client):
            if message.opcode != OP_MSG:  # the handshake of a driver that knows nothing yet
                await _send(self._to_server, message)
                continue
            command = parse_command(message)
            if command.is_hello:
                await _send(self._to_server, await self._current_hello(message, command))
            elif command.flags & MORE_TO_COME:
                await _send(self._to_server, message)
            else:
                await self._pass(message, command)

    async def _pass(self, message: Message, command: Command) -> None:
        fault = await self._proxy.decide(command)
        done_before = self._proxy.answer_of(command)
        if fault is None and done_before is not None:
            known = make_message(done_before, response_to=command.request_id)
            await _send(self._to_client, known)
        elif fault is None:
            await _send(self._to_server, message)
        elif fault.is_done and done_before is None:
            self._to_spoil[command.request_id] = command, fault
            await _send(self._to_server, message)
        else:
            aborts = command.in_transaction and fault.code is not None
            if aborts and await self._abort(command) == TRANSACTION_COMMITTED:
                await _send(self._to_server, message)  # nothing is lost any more
                return
            await self._refuse(command, fault)

    async def _refuse(self, command: Command, fault: Fault) -> None:
        self._proxy.note(fault)
        if fault.code is None:
            raise _Dropped
        error = error_of(fault, command, self._proxy.topology_version)
        await _send(self._to_client, make_message(error, response_to=command.request_id))

    async def _abort(self, command: Command) -> int:
        """Abort the transaction of a command, as MongoDB has done when it answers an error.

        Else the server would keep its locks. Returns the server's error code, 0 for none: it may
        know nothing of the transaction yet, or have committed it, of which nobody heard.
        """
        request_id = next(self._own_ids)
        ended = self._own[request_id] = asyncio.get_running_loop().create_future()
        names = ("lsid", "txnNumber", "autocommit")
        body = {name: command.body[name] for name in names}
        abort = {"abortTransaction": 1, **body, "$db": "admin"}
        await _send(self._to_server, make_message(abort, request_id=request_id))
        return (await ended).get("code", 0)

    async def _current_hello(self, message: Message, command: Command) -> Message:
        """Wait where the server would, and make of it a question that is answered at once.

        So a change that the proxy makes up is told at once, as the server tells its own.
        """
        known: Mapping[str, Any] | None = command.body.get("topologyVersion")
        if known is None:
            return message
        seconds = command.body["maxAwaitTimeMS"] / 1000
        await self._proxy.topology_changed(dict(known), seconds)
        awaiting = ("topologyVersion", "maxAwaitTimeMS")
        plain = {name: value for name, value in command.body.items() if name not in awaiting}
        return make_message(plain, request_id=message.request_id)

    async def _answers(self) -> None:
        while message := await read_message(self._from_server):
            if (own := self._own.pop(message.response_to, None)) is not None:
                own.set_result(answer_document(message))
                continue
            spoiled = self._to_spoil.pop(message.response_to, None)
            if spoiled is None or (answer := answer_document(message))["ok"] != 1:
                await _send(self._to_client, self._with_topology(message))
                continue
            command, fault = spoiled
            self._proxy.remember(command, answer)
            await self._refuse(command, fault)

    def _with_topology(self, message: Message) -> Message:
        if b"topologyVersion\0" not in message.raw:
            return message
        answer = answer_document(message)
        if "topologyVersion" not in answer:
            return message
        told = self._proxy.shift(dict(answer["topologyVersion"]))
        return with_document(message, {**answer, "topologyVersion": told}) if told else message


async def _send(target: asyncio.StreamWriter, message: Message) -> None:
    target.write(message.raw)
    await target.drain()
