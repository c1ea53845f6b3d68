"""Peak memory of a process. Imports nothing, so that it adds nothing."""

from pathlib import Path

MIB = 1024 * 1024


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has held, in MiB; Linux only.

    Not `ru_maxrss`: that one remembers what the parent held when it forked.
    """
    return _told(pid, "VmHWM:")


def resident_mib(pid: int) -> float:
    """Return the memory that a process holds now, in MiB; Linux only. 0 where it is ending."""
    return _told(pid, "VmRSS:", 0)


def _told(pid: int, name: str, default: float | None = None) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    if default is None:
        raise RuntimeError("the kernel does not tell of memory")
    return default
