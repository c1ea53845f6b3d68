"""Runs the command `registry` in a process that kills itself at one of its steps on the disk.

`python -m tests.support.killed COUNT_FILE STEP ARGUMENTS...`: before step number STEP (from 1 on)
the process gets SIGKILL; 0 lets it end, and writes how many steps there were to COUNT_FILE. A step
is a call that changes names in folders or makes something durable: between two of them a kill finds
the disk as it does at either.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from registry.cli import main

STEPS = ("replace", "rename", "link", "symlink", "mkdir", "rmdir", "unlink", "fsync", "chmod")
MODULE = "tests.support.killed"


def _count(step_to_die_at: int, taken: list[int]) -> None:
    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            taken[0] += 1
            if taken[0] == step_to_die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in STEPS:
        setattr(os, name, counting(getattr(os, name)))


def run_killed(
    count_file: Path, step: int, arguments: Sequence[str], environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the command; it dies before this step, or ends where there are not so many."""
    return subprocess.run(
        [sys.executable, "-m", MODULE, str(count_file), str(step), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def chosen_steps(count: int, most: int) -> list[int]:
    """Return at most so many steps of a run, evenly from the first to the last."""
    most = min(count, most)
    return sorted({1 + index * (count - 1) // max(1, most - 1) for index in range(most)})


if __name__ == "__main__":
    counted, died_at = Path(sys.argv[1]), int(sys.argv[2])
    steps = [0]
    _count(died_at, steps)
    sys.argv[1:3] = []
    try:
        main_arguments = sys.argv[1:]
        sys.argv = ["registry", *main_arguments]
        main()
    finally:
        counted.write_text(str(steps[0]), encoding="ascii")
