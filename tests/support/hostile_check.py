"""The process of a check whose parser misbehaves as the file's extension says.

`python -m tests.support.hostile_check` stands in for `shared.formats.sandbox`.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable

from shared.formats.plan import Candidate, Limits, Plan, Range
from shared.formats.report import FormatReport
from shared.formats.sandbox import child

FEW = Limits(read_bytes=10_000_000, reads=10, steps=1000)


def memory(candidate: Candidate) -> Plan:
    yield from ()
    kept: list[bytes] = []
    while True:
        kept.append(bytes(1_000_000))


def large_piece(candidate: Candidate) -> Plan:
    yield from ()
    return FormatReport(str(len(bytearray(2**40))))


def endless(candidate: Candidate) -> Plan:
    yield from ()
    while True:
        pass


def endless_later(candidate: Candidate) -> Plan:
    yield Range(5000, 1)
    while True:
        pass


def steps(candidate: Candidate) -> Plan:
    yield from ()
    while True:
        candidate.budget.count_step()


def reads(candidate: Candidate) -> Plan:
    while True:
        yield Range(5000, 1)


def reading(candidate: Candidate) -> Plan:
    yield Range(5000, 1)
    return FormatReport("read")


def outside(candidate: Candidate) -> Plan:
    yield Range(candidate.size_bytes, 1)
    return FormatReport("read")


def long_range(candidate: Candidate) -> Plan:
    yield Range(0, 2 * 1024 * 1024)
    return FormatReport("read")


def chatty(candidate: Candidate) -> Plan:
    yield from ()
    return FormatReport("x" * 1_000_000)


def babble(candidate: Candidate) -> Plan:
    yield from ()
    sys.stdout.buffer.write(b'{"read":"all"}\n')
    return FormatReport("x")


def killed(candidate: Candidate) -> Plan:
    yield from ()
    os.kill(os.getpid(), signal.SIGKILL)
    return FormatReport("alive")


def defect(candidate: Candidate) -> Plan:
    yield from ()
    raise KeyError("a defect of ours")


def confined(candidate: Candidate) -> Plan:
    """Tell what the process still can, and knows."""
    yield from ()
    details: dict[str, int | str] = {
        "file": _can(lambda: os.open("/etc/hostname", os.O_RDONLY)),
        "connection": _can(socket.socket),
        "variables": ",".join(sorted(set(os.environ) - {"LC_CTYPE"})),  # Python's own
        "nice": os.nice(0),
    }
    return FormatReport("confined", details=details)


def _can(do: Callable[[], object]) -> str:
    try:
        do()
    except OSError as error:
        return type(error).__name__
    return "yes"


PLANS: tuple[Callable[[Candidate], Plan], ...] = (
    *(memory, large_piece, endless, steps, reads, reading, outside, long_range, chatty, babble),
    *(killed, defect, confined, endless_later),
)


def plan_of(candidate: Candidate) -> Plan:
    [plan] = [plan for plan in PLANS if f".{plan.__name__}" == candidate.extension]
    return plan(candidate)


if __name__ == "__main__":
    child.plan_of = plan_of
    setattr(child, "FULL", FEW)  # noqa: B010 - a constant to the type checker
    child.main()
