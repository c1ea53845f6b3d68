"""What a format check in a process of its own may use."""

import os
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NICE: Final = 10
"""About a tenth of the processor where the services want it too, all of it where they do not."""
AUTOGROUP: Final = Path("/proc/self/autogroup")
"""Priority of the process's whole session, which is its own."""
GRACE_SECONDS: Final = 5
"""From the signal that ends the process to the one that it could not withstand."""
MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """Limits of one process. Beyond memory and processor time, the file is refused for good."""

    memory_bytes: int
    """Address space, which is never less than memory in use."""
    cpu_seconds: int
    """Processor time: other than time by the clock, it says something about the file alone."""

    @property
    def memory_text(self) -> str:
        """The limit of memory for people."""
        return f"{self.memory_bytes // MIB} MiB of memory"

    @property
    def cpu_text(self) -> str:
        """The limit of processor time for people."""
        return f"{self.cpu_seconds} s of processor time"


def confine(limits: ProcessLimits) -> None:
    """Limit the process that calls this, for good.

    It can open nothing any more, neither files nor connections. What it has open stays.
    """
    os.nice(NICE)
    with suppress(OSError):  # where the kernel shares processors among sessions first, as Linux may
        AUTOGROUP.write_text(str(NICE))
    seconds = limits.cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + GRACE_SECONDS))
    if sys.platform == "linux":  # macOS has the limit, and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
