"""Peak memory of a process. Imports nothing, so that it adds nothing."""

from pathlib import Path

MIB = 1024 * 1024


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has held, in MiB; Linux only.

    Not `ru_maxrss`: that one remembers what the parent held when it forked.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not tell peak memory")
