"""Errors as MongoDB answers them, and rules that say which command gets which.

A fault never goes where MongoDB would not send it: a WriteConflict leaves the server only inside a
transaction, for instance, because outside of one the server itself tries again.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.wire_messages import Command

NOT_PRIMARY = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436})
"""After these the driver asks what the server is before it sends anything else."""
_RETRIABLE = NOT_PRIMARY | {6, 7, 89, 134, 262, 9001}
_CONFLICTS = frozenset({24, 112, 246})
_NO_SUCH_TRANSACTION = 251

Match = Callable[[Command], bool]


def _everything(command: Command) -> bool:
    return (command.is_write or command.in_transaction) and not command.is_abort


def _statements(command: Command) -> bool:
    return command.is_statement


def _commits(command: Command) -> bool:
    return command.is_commit


def _begun_transactions(command: Command) -> bool:
    """What finds its transaction gone; a first statement makes one."""
    return command.is_commit or (command.is_statement and not command.starts_transaction)


def _carried_out(command: Command) -> bool:
    """What can be done although its answer is an error: statements of a transaction cannot."""
    return command.is_commit or (command.is_write and not command.in_transaction)


def _document_writes(command: Command) -> bool:
    return command.is_write


@dataclass(frozen=True)
class Fault:
    """One way to go wrong; without a code the connection is dropped."""

    name: str
    code: int | None
    applies: Match = _everything
    """The commands that MongoDB can answer so."""
    is_done: bool = False
    """Whether the server carries the command out, and its true answer is what gets lost."""
    is_of_document: bool = False
    """Whether MongoDB tells it of the document, in `writeErrors`, rather than of the command."""


WRITE_CONFLICT = Fault("WriteConflict", 112, _statements)
NO_SUCH_TRANSACTION = Fault("NoSuchTransaction", _NO_SUCH_TRANSACTION, _begun_transactions)
NOT_WRITABLE_PRIMARY = Fault("NotWritablePrimary", 10107)
HOST_UNREACHABLE_AFTER = Fault("HostUnreachable", 6, _carried_out, is_done=True)
"""The write or commit is done and nobody knows."""
SHUTDOWN_AFTER = Fault("ShutdownInProgress", 91, _carried_out, is_done=True)
WRITE_CONCERN_TIMEOUT_AFTER = Fault("WriteConcernTimeout", 64, _commits, is_done=True)
"""The one unknown result of a commit that the driver does not look into by itself."""
TOO_LARGE = Fault("BSONObjectTooLarge", 10334, _document_writes, is_of_document=True)
UNAUTHORIZED = Fault("Unauthorized", 13)
CONNECTION_DROPPED = Fault("ConnectionDropped", None)
"""The command never reaches the server."""
ANSWER_LOST = Fault("AnswerLost", None, is_done=True)
"""The connection ends between the command and its answer."""

Rule = Callable[[Command], Fault | None]


def labels_of(code: int, command: Command) -> list[str]:
    """The labels that MongoDB puts on an error.

    They tell a driver what to try again: the whole transaction, or the write or commit alone.
    https://github.com/mongodb/mongo/blob/r7.0.0/src/mongo/db/error_labels.cpp
    """
    transient = code in _CONFLICTS or code == _NO_SUCH_TRANSACTION
    if command.in_transaction and (transient or (command.is_statement and code in _RETRIABLE)):
        return ["TransientTransactionError"]
    numbered = command.transaction_number is not None
    return ["RetryableWriteError"] if numbered and code in _RETRIABLE else []


def error_of(
    fault: Fault, command: Command, topology_version: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The answer that carries the fault, which has a code."""
    assert fault.code is not None
    told = {"code": fault.code, "errmsg": f"injected: {fault.name}"}
    if fault.is_of_document and command.documents:
        modified = {"nModified": 0} if command.name == "update" else {}
        return {"ok": 1.0, "n": 0, **modified, "writeErrors": [{"index": 0, **told}]}
    answer: dict[str, Any] = {"ok": 0.0, **told, "codeName": fault.name}
    if labels := labels_of(fault.code, command):
        answer["errorLabels"] = labels
    if fault.code in NOT_PRIMARY and topology_version is not None:
        answer["topologyVersion"] = topology_version
    return answer


class Script:
    """The next commands that match get this fault."""

    def __init__(self, fault: Fault, match: Match, times: int) -> None:
        self.left = times
        """How many commands are still to get it."""
        self._fault = fault
        self._match = match

    def __call__(self, command: Command) -> Fault | None:
        if self.left <= 0 or not (self._fault.applies(command) and self._match(command)):
            return None
        self.left -= 1
        return self._fault


class RandomFaults:
    """A share of the commands gets one of the faults that apply to it.

    The same commands in the same order get the same faults for the same seed: dice are thrown for
    no command to which no fault applies, such as those of the driver's monitor.
    """

    def __init__(self, rate: float, seed: int, kinds: Sequence[Fault]) -> None:
        self.is_on = True
        self._rate = rate
        self._kinds = tuple(kinds)
        self._random = random.Random(seed)  # noqa: S311 - to be repeatable

    def __call__(self, command: Command) -> Fault | None:
        kinds = [kind for kind in self._kinds if kind.applies(command)]
        if not self.is_on or not kinds or self._random.random() >= self._rate:
            return None
        return self._random.choice(kinds)
