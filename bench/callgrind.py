"""Counts instructions of a service by valgrind: what else the machine does changes them little."""

import os
import re
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from bench.common import BenchmarkError

CONTROL_SECONDS = 60.0


def is_here() -> bool:
    """Whether valgrind is installed."""
    return which("valgrind") is not None and which("callgrind_control") is not None


@dataclass
class Counter:
    """The instructions of one process, all its threads included; not those of the kernel."""

    pid: int
    out: Path
    _dumps: int = 0

    def begin(self) -> None:
        """Count from here on."""
        self._control("--zero")

    def end(self) -> int:
        """Return what was executed since it began, or since the last end."""
        self._control("--dump")
        self._dumps += 1
        told = Path(f"{self.out}.{self._dumps}").read_text(encoding="utf-8")
        found = re.search(r"^summary: (\d+)$", told, re.MULTILINE)
        if found is None:
            raise BenchmarkError(f"callgrind wrote no summary to {self.out}.{self._dumps}")
        return int(found[1])

    def _control(self, order: str) -> None:
        command = ["callgrind_control", order, str(self.pid)]
        subprocess.run(command, check=True, capture_output=True, timeout=CONTROL_SECONDS)


@contextmanager
def counted(module: str, environment: Mapping[str, str], out: Path) -> Generator[Counter]:
    """Run `python -m module` under valgrind, 40 times as slow and more; it is killed at the end.

    `out` is where callgrind writes, with a number behind it. Hashes are the same in each process,
    as they change how long a set or a mapping is searched.
    """
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    process = subprocess.Popen(
        [*command, sys.executable, "-m", module],
        env={**os.environ, **environment, "PYTHONHASHSEED": "0"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Counter(process.pid, out)
    finally:
        process.kill()
        process.wait()
