"""Messages of MongoDB's wire protocol, as far as a proxy has to understand them.

https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
"""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument

HEADER = struct.Struct("<iiii")
INT32 = struct.Struct("<i")
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CHECKSUM, MORE_TO_COME = 1, 2
"""Flags of an OP_MSG; MORE_TO_COME in a request: nobody waits for an answer."""
MAX_BYTES = 48_000_000
"""The largest message that MongoDB takes."""

_REPLY_BYTES = HEADER.size + 20
_SENT_APART = {"insert": "documents", "update": "updates", "delete": "deletes"}
_WRITES = frozenset({*_SENT_APART, "findAndModify", "bulkWrite"})
_HELLO = frozenset({"hello", "isMaster", "ismaster"})


class ProtocolError(Exception):
    """Bytes that this module does not understand, such as compressed messages."""


@dataclass(frozen=True)
class Message:
    """One message, as it came."""

    raw: bytes
    request_id: int
    response_to: int
    opcode: int


@dataclass(frozen=True)
class Command:
    """What an OP_MSG asks for; documents are decoded when they are looked at."""

    request_id: int
    flags: int
    body: Mapping[str, Any]
    sequences: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def name(self) -> str:
        return next(iter(self.body))

    @property
    def collection(self) -> str:
        """The collection's name; empty where the command is not about one."""
        target = self.body["collection" if self.name == "getMore" else self.name]
        return target if isinstance(target, str) else ""

    @property
    def documents(self) -> Sequence[Mapping[str, Any]]:
        """What an insert, update or delete consists of, one document each."""
        field = _SENT_APART.get(self.name, "")
        return self.sequences.get(field) or self.body.get(field, [])

    @property
    def transaction_number(self) -> int | None:
        """Number of the transaction or of the retryable write; None for everything else."""
        return self.body.get("txnNumber")

    @property
    def in_transaction(self) -> bool:
        """Whether it belongs to a transaction; its commit and abort do as well."""
        return self.body.get("autocommit") is False

    @property
    def starts_transaction(self) -> bool:
        return self.body.get("startTransaction") is True

    @property
    def is_commit(self) -> bool:
        return self.name == "commitTransaction"

    @property
    def is_abort(self) -> bool:
        return self.name == "abortTransaction"

    @property
    def is_statement(self) -> bool:
        """Whether it reads or writes inside a transaction."""
        return self.in_transaction and not self.is_commit and not self.is_abort

    @property
    def is_write(self) -> bool:
        return self.name in _WRITES

    @property
    def retryable_write(self) -> tuple[bytes, int] | None:
        """The session and number by which a server knows a write outside of transactions again."""
        number = self.transaction_number
        if number is None or self.in_transaction:
            return None
        return bytes(self.body["lsid"]["id"]), number

    @property
    def is_hello(self) -> bool:
        return self.name in _HELLO


async def read_message(source: asyncio.StreamReader) -> Message | None:
    """Read the next message; None at the end of the connection. Raises ProtocolError."""
    try:
        header = await source.readexactly(HEADER.size)
        length, request_id, response_to, opcode = HEADER.unpack(header)
        if not HEADER.size <= length <= MAX_BYTES:
            raise ProtocolError(f"a message of {length} bytes")
        rest = await source.readexactly(length - HEADER.size)
    except asyncio.IncompleteReadError:
        return None
    if opcode not in (OP_REPLY, OP_QUERY, OP_MSG):
        raise ProtocolError(f"a message with the opcode {opcode}")
    return Message(header + rest, request_id, response_to, opcode)


def parse_command(message: Message) -> Command:
    """Parse an OP_MSG; raises ProtocolError for what is none."""
    raw = message.raw
    (flags,) = INT32.unpack_from(raw, HEADER.size)
    position, end = HEADER.size + INT32.size, len(raw) - (4 if flags & CHECKSUM else 0)
    body: Mapping[str, Any] | None = None
    sequences: dict[str, list[Mapping[str, Any]]] = {}
    while position < end:
        kind, start = raw[position], position + 1
        (size,) = INT32.unpack_from(raw, start)
        position = start + size
        if kind == 0:
            body = RawBSONDocument(raw[start:position])
        elif kind == 1:
            name_end = raw.index(b"\0", start + INT32.size)
            name = raw[start + INT32.size : name_end].decode()
            sequences[name] = _documents(raw[name_end + 1 : position])
        else:
            raise ProtocolError(f"a section of kind {kind}")
    if body is None:
        raise ProtocolError("a message without a body")
    return Command(message.request_id, flags, body, sequences)


def make_message(
    document: Mapping[str, Any], *, request_id: int = 0, response_to: int = 0
) -> Message:
    """An OP_MSG of one document, without flags."""
    body = bson.encode(document)
    length = HEADER.size + INT32.size + 1 + len(body)
    header = HEADER.pack(length, request_id, response_to, OP_MSG)
    raw = header + INT32.pack(0) + b"\0" + body
    return Message(raw, request_id, response_to, OP_MSG)


def answer_document(message: Message) -> Mapping[str, Any]:
    """The document of an OP_MSG or OP_REPLY."""
    if message.opcode == OP_REPLY:
        return RawBSONDocument(message.raw[_REPLY_BYTES:])
    return parse_command(message).body


def with_document(message: Message, document: Mapping[str, Any]) -> Message:
    """The same answer with another document."""
    if message.opcode == OP_REPLY:
        body = bson.encode(document)
        raw = INT32.pack(_REPLY_BYTES + len(body)) + message.raw[INT32.size : _REPLY_BYTES] + body
        return Message(raw, message.request_id, message.response_to, message.opcode)
    return make_message(document, request_id=message.request_id, response_to=message.response_to)


def _documents(data: bytes) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    position = 0
    while position < len(data):
        (size,) = INT32.unpack_from(data, position)
        found.append(RawBSONDocument(data[position : position + size]))
        position += size
    return found
