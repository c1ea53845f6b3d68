"""The status line of a server or service, as a person reads it."""

from local.processes.ports import HOST
from local.processes.state import ProcessRecord
from local.servers.services import PORT_SETTINGS


def status_line(record: ProcessRecord) -> str:
    """Name, state, address, process id, times and log file, in columns."""
    if record.is_alive:
        times = f"up {duration(record.up_seconds)}, ready after {record.ready_after_seconds:.1f} s"
        state = "running"
    else:
        times, state = "", "dead"
    scheme = f"{record.scheme}://" if record.scheme else ""
    address = f"{scheme}{HOST}:{record.port}"
    kind = "service" if record.name in PORT_SETTINGS else "server"
    process = f"pid {record.pid}"
    return (
        f"{record.name:8} {kind:8} {state:8} {address:26} {process:12} {times:34} {record.log}"
    ).rstrip()


def duration(seconds: float) -> str:
    """Whole seconds, minutes or hours, whichever reads best."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
