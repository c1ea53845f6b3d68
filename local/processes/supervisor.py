"""Starts what should run and does not, leaves alone what runs, stops in reverse order."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from local.errors import NotReadyError, PortTakenError
from local.processes.ports import PortPolicy, choose_port, is_free
from local.processes.process import POLL_SECONDS, ProcessPlan, identity, start_process, stop_process
from local.processes.state import ProcessRecord, State

STOP_SECONDS = 15.0
"""How long a process may take to end before it is killed."""

Report = Callable[[ProcessRecord], None]
"""Told of each process that is ready."""


def ignore(_: ProcessRecord) -> None:
    """Report to nobody."""


class Supervisor:
    """The processes below one root folder: logs in `logs/`, records in `state.json`."""

    def __init__(self, root: Path, report: Report = ignore) -> None:
        self._logs = root / "logs"
        self._state = State(root)
        self._report = report
        self._writing = threading.Lock()

    def records(self) -> dict[str, ProcessRecord]:
        """What was started, by name, alive or dead."""
        return self._state.records()

    def choose_ports(
        self, names: Iterable[str], policy: PortPolicy, fixed: Mapping[str, int] | None = None
    ) -> dict[str, int]:
        """A port for each name, remembered for the next start.

        What runs keeps its port, unless `fixed` names another. Raises PortTakenError for a fixed
        port that is not free.
        """
        fixed, chosen = fixed or {}, dict[str, int]()
        known = self._state.ports()
        alive = {name for name, record in self.records().items() if record.is_alive}

        def is_open(port: int) -> bool:
            return port not in chosen.values() and is_free(port)

        for name in names:
            port = fixed.get(name)
            if name.partition("-")[0] in alive and port in (None, known.get(name)):
                chosen[name] = known[name]
            elif port is None:
                chosen[name] = choose_port(name, policy, known.get(name), is_open)
            elif is_open(port):
                chosen[name] = port
            else:
                raise PortTakenError(name, port)
        self._state.put_ports(chosen)
        return chosen

    def runs(self, plan: ProcessPlan) -> bool:
        """Whether a process runs by this plan, ready or not."""
        record = self.records().get(plan.name)
        return bool(record and record.is_alive and record.fingerprint == plan.fingerprint())

    def ensure_all(self, plans: Iterable[ProcessPlan]) -> None:
        """Have all plans running, started side by side.

        Raises the first plan's error after all have come to an end; what is ready stays.
        """
        pool = ThreadPoolExecutor()
        try:
            jobs = [pool.submit(self.ensure, plan) for plan in plans]
            wait(jobs)
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(wait=False)  # Ctrl-C does not wait for what is still starting

    def ensure(self, plan: ProcessPlan) -> ProcessRecord:
        """Have the plan running and ready; one that runs by another plan is restarted.

        Raises NotReadyError when the process dies or is not ready in time; it is stopped then.
        """
        record = self.records().get(plan.name)
        if record and self.runs(plan) and plan.first() is None:
            self._wait_ready(plan, record)
        else:
            self.stop([plan.name])
            record = self._start(plan)
        self._report(record)
        return record

    def stop(self, names: Iterable[str], timeout_seconds: float = STOP_SECONDS) -> list[str]:
        """Stop the named processes, last started first; returns those that were running."""
        wanted = set(names)
        records = [record for record in self.records().values() if record.name in wanted]
        stopped = [record.name for record in records if record.is_alive]
        for record in reversed(records):
            stop_process(record.pid, record.identity, timeout_seconds)
            with self._writing:
                self._state.remove(record.name)
        return stopped[::-1]

    def _start(self, plan: ProcessPlan) -> ProcessRecord:
        plan.before_start()
        if (first := plan.first()) is not None:
            self._launch(first)
            self.stop([first.name])
        return self._launch(plan)

    def _launch(self, plan: ProcessPlan) -> ProcessRecord:
        log = (self._logs / f"{plan.name}.log").absolute()
        begun = time.monotonic()
        pid = start_process(plan, log)
        started = identity(pid) if pid else None
        if pid is None or started is None:
            raise NotReadyError(plan.name, "ended at once", log)
        record = ProcessRecord(
            plan.name,
            pid,
            started,
            plan.port,
            str(log),
            plan.fingerprint(),
            time.time(),
            scheme=plan.scheme,
        )
        self._put(record)  # before it is ready, so that an interrupted start can be stopped
        self._wait_ready(plan, record)
        ready = replace(record, ready_after_seconds=round(time.monotonic() - begun, 2))
        self._put(ready)
        return ready

    def _wait_ready(self, plan: ProcessPlan, record: ProcessRecord) -> None:
        deadline = time.monotonic() + plan.ready_within_seconds
        while not plan.is_ready():
            if not record.is_alive:
                raise NotReadyError(plan.name, "ended before it was ready", Path(record.log))
            if time.monotonic() > deadline:
                self.stop([plan.name])
                reason = f"was not ready within {plan.ready_within_seconds:.0f} s"
                raise NotReadyError(plan.name, reason, Path(record.log))
            time.sleep(POLL_SECONDS)

    def _put(self, record: ProcessRecord) -> None:
        with self._writing:
            self._state.put(record)
