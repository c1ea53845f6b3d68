"""What the process of a check and its service say to each other, through the process's pipes.

Lines of JSON, and the bytes of a range as they are. The service sends the order; then, as often as
it needs, the process wishes for a range and is sent exactly its bytes. Where the tensors are asked
for they come in several lines; the last line is the answer.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

from shared.formats.costs import TooCostly
from shared.formats.inventory import Tensor, Totals
from shared.formats.plan import Range
from shared.formats.report import FormatError, FormatReport

MAX_LINE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """Which file is to be checked, within which limits."""

    extension: str
    size_bytes: int
    memory_bytes: int
    cpu_seconds: int
    listed_tensors: int | None = None
    """How many tensors are listed at most; None: they are counted only."""


@dataclass(frozen=True, slots=True)
class Defect:
    """The check ended by an error that says nothing about the file."""

    text: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Some of the tensors that were asked for."""

    tensors: Sequence[Tensor]


Answer: TypeAlias = FormatReport | FormatError | TooCostly | Defect


def encode_order(order: Order) -> bytes:
    """Make the first line."""
    return _line(asdict(order))


def decode_order(line: bytes) -> Order:
    """Read the first line."""
    return Order(**json.loads(line))


def encode(message: Range | Listed | Answer) -> bytes:
    """Make a line of the process."""
    match message:
        case Range(offset, length):
            return _line({"read": [offset, length]})
        case Listed(tensors):
            return _line({"tensors": tensors})
        case FormatReport():
            totals = asdict(message.tensors) if message.tensors is not None else None
            facts = [message.format, message.media_type, message.details, totals]
            return _line({"report": facts})
        case FormatError():
            return _line({"broken": [message.code, message.reason]})
        case TooCostly():
            return _line({"too_costly": message.limit})
        case Defect():
            return _line({"defect": message.text})


def lists_of(tensors: Sequence[Tensor]) -> Iterator[Listed]:
    """Cut a list of tensors into pieces that each make a line."""
    piece: list[Tensor] = []
    size = 0
    for tensor in tensors:
        # A character takes up to twelve in JSON, a dimension and a number up to twenty-two.
        longest = 12 * (len(tensor.name) + len(tensor.dtype)) + 22 * (len(tensor.shape) + 2) + 32
        if piece and size + longest > MAX_LINE_BYTES // 2:
            yield Listed(piece)
            piece, size = [], 0
        piece.append(tensor)
        size += longest
    if piece:
        yield Listed(piece)


def decode(line: bytes) -> Range | Listed | Answer:
    """Read a line of the process. Raises ValueError for one that it cannot have meant."""
    found: dict[str, Any] = json.loads(line)
    match found:
        case {"read": [int(offset), int(length)]}:
            return Range(offset, length)
        case {"tensors": list()}:
            try:
                return Listed([_tensor(each) for each in found["tensors"]])
            except TypeError as error:
                raise ValueError("a tensor of no known kind") from error
        case {"report": [str(format_name), str(media_type), dict(), totals]}:
            counted = None if totals is None else Totals(**totals)
            return FormatReport(format_name, media_type, found["report"][2], counted)
        case {"broken": [str(code), str(reason)]}:
            return FormatError(code, reason)
        case {"too_costly": str(limit)}:
            return TooCostly(limit)
        case {"defect": str(text)}:
            return Defect(text)
        case _:
            raise ValueError("a message of no known kind")


def _tensor(found: Any) -> Tensor:
    name, dtype, shape, begin, size_bytes = found
    return Tensor(
        str(name), str(dtype), tuple(int(each) for each in shape), int(begin), int(size_bytes)
    )


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
