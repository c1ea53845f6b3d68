"""What can go wrong on the way to running servers.

LocalError
├── UnavailableError   a program is neither there nor to be had; says how to get it
├── SeveralErrors      more than one of these at once
├── ChecksumError      a download is not the file that the lock names
├── LockFormatError    a lock file has a line that nothing can be made of
├── PortTakenError     a port that was asked for belongs to somebody else
└── NotReadyError      a process died or did not become ready in time
"""

from collections.abc import Sequence
from pathlib import Path

LOG_TAIL_LINES = 12


class LocalError(Exception):
    """Something that the person at the terminal can act on, told in one line."""


class UnavailableError(LocalError):
    """A program is neither there nor to be had."""

    def __init__(self, program: str, reason: str, remedy: str) -> None:
        super().__init__(f"{program} is not available: {reason}. To get it: {remedy}.")
        self.program = program


class SeveralErrors(LocalError):
    """More than one error at once; its text has a line for each."""

    def __init__(self, errors: Sequence[LocalError]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = tuple(errors)


class ChecksumError(LocalError):
    """A download is not the file that the lock names."""

    def __init__(self, name: str, expected: str, actual: str) -> None:
        super().__init__(f"{name}: SHA-256 is {actual}, the lock says {expected}; not used.")


class LockFormatError(LocalError):
    """A lock file has a line that nothing can be made of."""

    def __init__(self, number: int, line: str) -> None:
        super().__init__(f"Lock file, line {number}: cannot read {line!r}.")


class PortTakenError(LocalError):
    """A port that was asked for belongs to somebody else."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(f"{name}: another program listens on port {port}; choose another one.")


class NotReadyError(LocalError):
    """A process died or did not become ready in time."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        super().__init__(f"{name} {reason}; its log is {log}.")
        self.log = log

    def log_tail(self) -> str:
        """The last lines of the process's log; empty when it has none."""
        if not self.log.exists():
            return ""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])
