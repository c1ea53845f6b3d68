"""What was started, kept in `state.json` so that later commands find it."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.processes.process import identity

START_ORDER = ("kafka", "mongo", "minio", "ingest", "query", "indexer", "notifier")
"""Every process there can be; they are stopped the other way round."""
SERVERS = START_ORDER[:3]
SERVICES = START_ORDER[3:]


@dataclass(frozen=True)
class ProcessRecord:
    """A process that was started and became ready."""

    name: str
    pid: int
    identity: str
    """Tells the process from a later one with the same id."""
    port: int
    log: str
    fingerprint: str
    """Of the plan that it was started by."""
    started_at: float
    """Seconds since the epoch."""
    ready_after_seconds: float = 0.0
    scheme: str = "http"
    """What its address begins with, for people; empty: nothing."""

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return identity(self.pid) == self.identity

    @property
    def up_seconds(self) -> float:
        """Seconds since the start."""
        return time.time() - self.started_at


class State:
    """The records of one root folder. Writes replace the file in one step."""

    def __init__(self, root: Path) -> None:
        self._path = root / "state.json"

    def records(self) -> dict[str, ProcessRecord]:
        """Every record by name, in start order, of processes alive or dead."""
        records = [ProcessRecord(**item) for item in self._read()["processes"]]
        return {record.name: record for record in _in_start_order(records)}

    def ports(self) -> dict[str, int]:
        """The ports that were chosen last, by name."""
        return self._read()["ports"]

    def put(self, record: ProcessRecord) -> None:
        """Add the record, or replace the one of the same name."""
        self._write(self.records() | {record.name: record}, self.ports())

    def remove(self, name: str) -> None:
        """Forget a process."""
        records = self.records()
        records.pop(name, None)
        self._write(records, self.ports())

    def put_ports(self, ports: Mapping[str, int]) -> None:
        """Remember chosen ports, beside those of other names."""
        self._write(self.records(), self.ports() | dict(ports))

    def _read(self) -> dict[str, Any]:
        if not self._path.exists():
            return {"processes": [], "ports": {}}
        return json.loads(self._path.read_text(encoding="utf-8"))

    def _write(self, records: Mapping[str, ProcessRecord], ports: Mapping[str, int]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        processes = [asdict(record) for record in _in_start_order(records.values())]
        content = {"processes": processes, "ports": ports}
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
        temporary.replace(self._path)


def _in_start_order(records: Iterable[ProcessRecord]) -> list[ProcessRecord]:
    return sorted(records, key=lambda record: START_ORDER.index(record.name))
