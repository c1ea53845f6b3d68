"""Processes that outlive the command that started them.

Each runs in a session of its own, so Ctrl-C in the terminal does not reach it, and is nobody's
child, so it leaves no zombie and needs no parent.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

POLL_SECONDS = 0.05
KILL_SECONDS = 10.0
"""How long the system may take to clear away a killed process."""
_LAUNCHER = Path(__file__).with_name("launcher.py")


def _nothing() -> None:
    return None


def _no_plan() -> "ProcessPlan | None":
    return None


@dataclass(frozen=True)
class ProcessPlan:
    """A process as it should run, and how to tell that it is ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    """The whole environment of the process."""
    folder: Path
    """Working directory."""
    port: int
    is_ready: Callable[[], bool] = field(compare=False)
    """Asked until it says yes; says no while the process is still starting."""
    before_start: Callable[[], None] = field(default=_nothing, compare=False)
    """Done each time before the process is started."""
    first: Callable[[], "ProcessPlan | None"] = field(default=_no_plan, compare=False)
    """What must have run until it was ready, and have ended again, before the process is started.

    It has the same name, so that whatever ends the process ends this as well.
    """
    ready_within_seconds: float = 60.0
    scheme: str = field(default="http", compare=False)
    """What its address begins with, for people; empty: nothing."""

    def fingerprint(self) -> str:
        """Changes with the command or the environment; tells whether a restart is due."""
        content = [self.command, sorted(self.environment.items()), str(self.folder)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def start_process(plan: ProcessPlan, log: Path) -> int | None:
    """Start the plan's command, its output appended to `log`, and return its process id.

    None when it could not be started; the log says why.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        launched = subprocess.run(
            [sys.executable, "-I", "-S", _LAUNCHER, log, *plan.command],
            cwd=plan.folder,
            env=dict(plan.environment),
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    return int(launched.stdout) if launched.returncode == 0 else None


def identity(pid: int) -> str | None:
    """What tells this process from a later one with the same id; None when it is not running."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, threads, start_ticks = fields[0], int(fields[17]), fields[19]
        # A killed process is a zombie while threads of it still end, and hold its port.
        return None if state in "ZX" and threads <= 1 else start_ticks
    command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return None if not answer or answer.startswith("Z") else answer.partition(" ")[2].strip()


def stop_process(pid: int, started: str, timeout_seconds: float | None) -> None:
    """End the process and wait for it: SIGTERM, then SIGKILL at the limit; None: kill at once.

    A process that is gone already is left alone.
    """
    if timeout_seconds is not None:
        signal_process(pid, started, signal.SIGTERM)
        if _wait_gone(pid, started, timeout_seconds):
            return
    signal_process(pid, started, signal.SIGKILL)
    _wait_gone(pid, started, KILL_SECONDS)


def signal_process(pid: int, started: str, number: signal.Signals) -> bool:
    """Send a signal to the process and all of its session; False when it is gone."""
    if identity(pid) != started:
        return False
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return False
    return True


def _wait_gone(pid: int, started: str, timeout_seconds: float) -> bool:
    deadline = time.monotonic() + timeout_seconds
    while identity(pid) == started:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
