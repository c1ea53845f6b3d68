"""The process of one check, spoken to through its pipes.

It is given no settings and no credentials, and it can open nothing: its service reads for it.
"""

import sys
from typing import BinaryIO

from shared.formats.costs import TooCostly
from shared.formats.inventory import Inventory
from shared.formats.plan import (
    FULL,
    HEAD_BYTES,
    Budget,
    Candidate,
    Plan,
    Range,
    advance,
    from_head,
)
from shared.formats.report import FormatError, FormatReport
from shared.formats.sandbox.limits import ProcessLimits, confine
from shared.formats.sandbox.messages import (
    Answer,
    Defect,
    Listed,
    Order,
    decode_order,
    encode,
    lists_of,
)
from shared.formats.table import plan_of


def main() -> None:
    """Check the file that standard input tells of, and tell what was found."""
    order = decode_order(sys.stdin.buffer.readline())
    limits = ProcessLimits(order.memory_bytes, order.cpu_seconds)
    confine(limits)
    _tell(_answer(order, limits))


def _answer(order: Order, limits: ProcessLimits) -> Answer:
    try:
        return _check(order)
    except (FormatError, TooCostly) as found:
        return found.with_traceback(None)  # which would keep what the check has in memory
    except MemoryError:
        pass  # what filled the memory is free once this block is left
    except EOFError:
        raise SystemExit(1) from None  # the service is gone
    except Exception as error:
        return Defect(f"{type(error).__name__}: {error}"[:1000])
    return TooCostly(limits.memory_text)


def _check(order: Order) -> FormatReport:
    size_bytes = order.size_bytes
    head = _read(Range(0, min(size_bytes, HEAD_BYTES))) if size_bytes else b""
    inventory = Inventory(order.listed_tensors)
    candidate = Candidate(order.extension, size_bytes, head, Budget(FULL), inventory)
    plan: Plan = plan_of(candidate)
    data: bytes | None = None
    while True:  # the budget bounds it
        step = advance(plan, data)
        if isinstance(step, FormatReport):
            for piece in lists_of(inventory.tensors()):
                _tell(piece)
            return step
        data = from_head(candidate, step)
        if data is None:
            data = _read(step)


def _read(wish: Range) -> bytes:
    _tell(wish)
    pipe: BinaryIO = sys.stdin.buffer
    data = pipe.read(wish.length)
    if len(data) != wish.length:
        raise EOFError
    return data


def _tell(message: Range | Listed | Answer) -> None:
    sys.stdout.buffer.write(encode(message))
    sys.stdout.buffer.flush()
