"""A process that stands still, as one does whose machine has no time for it."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from local.processes.process import signal_process
from local.stack import processes


@contextmanager
def frozen(root: Path, name: str) -> Generator[None]:
    """Stop a server or service below a folder, until the end of the block."""
    record = processes(root)[name]
    assert signal_process(record.pid, record.identity, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_process(record.pid, record.identity, signal.SIGCONT)
