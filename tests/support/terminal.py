"""A program at a terminal, as a person sits before it: what is typed, and what is shown."""

import os
import pty
import select
import subprocess
from collections.abc import Mapping, Sequence
from time import monotonic

SECONDS = 60


class Terminal:
    """A program whose input, output and errors are one terminal."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._here, there = pty.openpty()
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=there,
            stdout=there,
            stderr=there,
            start_new_session=True,
        )
        os.close(there)
        self.shown = ""

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._here, f"{text}\n".encode())

    def until(self, text: str) -> None:
        """Wait until this is shown; fails where the program ends or takes too long first."""
        deadline = monotonic() + SECONDS
        while text not in self.shown:
            assert self._read(deadline), f"{text!r} was not shown: {self.shown!r}"

    def end(self) -> int:
        """Wait for the program's end, and return its exit status."""
        deadline = monotonic() + SECONDS
        while self._read(deadline):
            pass
        os.close(self._here)
        return self._process.wait(SECONDS)

    def _read(self, deadline: float) -> bool:
        """Take what is shown next; False at the end."""
        ready, _, _ = select.select([self._here], [], [], max(0.0, deadline - monotonic()))
        assert ready, f"nothing was shown any more: {self.shown!r}"
        try:
            data = os.read(self._here, 4096)
        except OSError:  # the other end is closed, as Linux tells it
            return False
        self.shown += data.decode()
        return bool(data)
