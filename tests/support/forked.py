"""Services and commands of tests as forks of a process that has imported them once.

What is started as a program imports for a second or two of a core before it does anything, and
the tests start some two hundred. What is forked runs the same module as `python -m`.
"""

import multiprocessing
import os
import runpy
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from local.processes.process import ProcessPlan, start_process
from local.processes.state import SERVICES

IS_MEASURED = any(name.startswith(("COVERAGE_", "COV_CORE_")) for name in os.environ)
"""Whether coverage is measured: it begins when a process does, and not when it is forked."""
CONTEXT: SpawnContext | ForkServerContext = (
    multiprocessing.get_context("spawn")
    if IS_MEASURED
    else multiprocessing.get_context("forkserver")
)
IMPORTED = [
    *(f"services.{name}.app" for name in SERVICES),
    "services.admin.cli",
    *("uvicorn.loops.uvloop", "uvicorn.lifespan.on", "shared.runtime.process"),
]
"""What is imported once."""
MOST_FILES = 256
"""More than the process has open from which services are forked."""
CONTEXT.set_forkserver_preload(IMPORTED)


def start_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    out: Path,
    err: Path | None = None,
) -> BaseProcess:
    """Run a module with its arguments as a child, which an end of this process in order ends.

    What it prints and says is appended to `out`, or what it says to `err`.
    """
    process = CONTEXT.Process(
        target=_run, args=(command, dict(environment), folder, out, err or out), daemon=True
    )
    process.start()
    return process


def start_service(plan: ProcessPlan, log: Path) -> int | None:
    """Start a plan as `start_process` does; that of a service from what is imported already."""
    python, option, *command = plan.command
    if (python, option) != (sys.executable, "-m") or not command[0].startswith("services."):
        return start_process(plan, log)
    log.parent.mkdir(parents=True, exist_ok=True)
    told, telling = CONTEXT.Pipe(duplex=False)
    arguments = (command, dict(plan.environment), plan.folder, log, telling)
    process = CONTEXT.Process(target=_run_detached, args=arguments)
    process.start()
    telling.close()  # else the end of the process would not end the wait for what it tells
    with told:
        pid: int = told.recv()
    process.join()
    return pid


def _run_detached(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    telling: Connection,
) -> None:
    """Run it as nobody's child, and tell its process id."""
    if (pid := os.fork()) != 0:
        telling.send(pid)
        return
    telling.close()
    _run(command, environment, folder, log, log)


def _run(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path
) -> None:
    """Become what `python -m` would be."""
    assert threading.active_count() == 1, "what was imported started a thread"
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with out.open("ab") as printed, err.open("ab") as said, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(printed.fileno(), 1)
        os.dup2(said.fileno(), 2)
    if not IS_MEASURED:
        os.closerange(3, MOST_FILES)  # pipes of the process it was forked from, which it would keep
    sys.argv = list(command)
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
