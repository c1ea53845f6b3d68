"""What the process of a check and the indexer say to each other, through the process's pipes.

Lines of JSON, and the bytes of a range as they are. The indexer sends the order; then, as often as
it needs, the process wishes for a range and is sent exactly its bytes; its last line is the answer.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

from shared.formats.plan import Range, TooCostly
from shared.formats.report import FormatError, FormatReport

MAX_LINE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """Which file is to be checked, within which limits."""

    extension: str
    size_bytes: int
    memory_bytes: int
    cpu_seconds: int


@dataclass(frozen=True, slots=True)
class Defect:
    """The check ended by an error that says nothing about the file."""

    text: str


Answer: TypeAlias = FormatReport | FormatError | TooCostly | Defect


def encode_order(order: Order) -> bytes:
    """Make the first line."""
    return _line(asdict(order))


def decode_order(line: bytes) -> Order:
    """Read the first line."""
    return Order(**json.loads(line))


def encode(message: Range | Answer) -> bytes:
    """Make a line of the process."""
    match message:
        case Range(offset, length):
            return _line({"read": [offset, length]})
        case FormatReport():
            return _line({"report": [message.format, message.media_type, message.details]})
        case FormatError():
            return _line({"broken": [message.code, message.reason]})
        case TooCostly():
            return _line({"too_costly": message.limit})
        case Defect():
            return _line({"defect": message.text})


def decode(line: bytes) -> Range | Answer:
    """Read a line of the process. Raises ValueError for one that it cannot have meant."""
    found: dict[str, Any] = json.loads(line)
    match found:
        case {"read": [int(offset), int(length)]}:
            return Range(offset, length)
        case {"report": [str(format_name), str(media_type), dict()]}:
            return FormatReport(format_name, media_type, found["report"][2])
        case {"broken": [str(code), str(reason)]}:
            return FormatError(code, reason)
        case {"too_costly": str(limit)}:
            return TooCostly(limit)
        case {"defect": str(text)}:
            return Defect(text)
        case _:
            raise ValueError("a message of no known kind")


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
