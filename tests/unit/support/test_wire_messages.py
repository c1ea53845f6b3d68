"""The wire protocol as the proxy of the tests reads it, and the labels that it gives."""

import asyncio
from typing import Any

import bson
import pytest
from bson.int64 import Int64

from tests.support.wire_faults import TOO_LARGE, WRITE_CONFLICT, RandomFaults, error_of, labels_of
from tests.support.wire_messages import (
    CHECKSUM,
    HEADER,
    INT32,
    OP_MSG,
    Command,
    Message,
    ProtocolError,
    make_message,
    parse_command,
    read_message,
)

TRANSACTION = {"lsid": {"id": b"s"}, "txnNumber": Int64(3), "autocommit": False, "$db": "d"}
RETRYABLE = {"lsid": {"id": b"s"}, "txnNumber": Int64(3), "$db": "d"}


def command(body: dict[str, Any]) -> Command:
    return parse_command(make_message(body, request_id=7))


def test_documents_that_are_sent_apart_are_found_before_a_checksum() -> None:
    body = bson.encode({"insert": "c", "$db": "d"})
    documents = b"".join(bson.encode({"_id": number}) for number in range(3))
    name = b"documents\0"
    apart = b"\1" + INT32.pack(INT32.size + len(name) + len(documents)) + name + documents
    rest = INT32.pack(CHECKSUM) + apart + b"\0" + body + b"\xff\xff\xff\xff"
    raw = HEADER.pack(HEADER.size + len(rest), 7, 0, OP_MSG) + rest
    parsed = parse_command(Message(raw, 7, 0, OP_MSG))
    assert (parsed.name, parsed.collection) == ("insert", "c")
    assert [document["_id"] for document in parsed.documents] == [0, 1, 2]


@pytest.mark.parametrize("length", [15, 48_000_001])
async def test_a_message_of_an_impossible_length_is_refused(length: int) -> None:
    source = asyncio.StreamReader()
    source.feed_data(HEADER.pack(length, 1, 0, OP_MSG))
    with pytest.raises(ProtocolError):
        await read_message(source)


async def test_a_compressed_message_is_refused() -> None:
    source = asyncio.StreamReader()
    source.feed_data(HEADER.pack(HEADER.size, 1, 0, 2012))
    with pytest.raises(ProtocolError):
        await read_message(source)


@pytest.mark.parametrize(
    ("body", "code", "labels"),
    [
        ({"update": "c", **TRANSACTION}, 112, ["TransientTransactionError"]),
        ({"update": "c", **TRANSACTION}, 10107, ["TransientTransactionError"]),
        ({"update": "c", **TRANSACTION}, 13, []),
        ({"commitTransaction": 1, **TRANSACTION}, 251, ["TransientTransactionError"]),
        ({"commitTransaction": 1, **TRANSACTION}, 10107, ["RetryableWriteError"]),
        ({"commitTransaction": 1, **TRANSACTION}, 64, []),
        ({"update": "c", **RETRYABLE}, 10107, ["RetryableWriteError"]),
        ({"update": "c", **RETRYABLE}, 13, []),
        ({"update": "c", "$db": "d"}, 10107, []),
    ],
)
def test_labels_say_what_may_be_tried_again(
    body: dict[str, Any], code: int, labels: list[str]
) -> None:
    assert labels_of(code, command(body)) == labels


def test_an_error_of_a_document_is_told_as_a_write_error() -> None:
    answer = error_of(TOO_LARGE, command({"insert": "c", "documents": [{}], "$db": "d"}), None)
    assert answer["ok"] == 1
    assert answer["writeErrors"][0]["code"] == 10334
    whole = error_of(TOO_LARGE, command({"findAndModify": "c", "$db": "d"}), None)
    assert (whole["ok"], whole["code"]) == (0, 10334)


def test_commands_that_no_fault_applies_to_throw_no_dice() -> None:
    statement, read = command({"update": "c", **TRANSACTION}), command({"find": "c", "$db": "d"})
    alone = RandomFaults(0.5, 1, (WRITE_CONFLICT,))
    mixed = RandomFaults(0.5, 1, (WRITE_CONFLICT,))
    for _ in range(50):
        assert mixed(read) is None
        assert mixed(statement) == alone(statement)
