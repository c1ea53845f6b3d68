"""A service as a process that is started, killed, stopped and let go on."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import httpx

from local.processes.ports import HOST
from local.servers.services import CHECKOUT, PORT_SETTINGS
from tests.faults.harness.waiting import until_true
from tests.support.forked import start_child

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
"""What a service gets of this process's environment, beside coverage's own variables."""


class Service:
    """A running process of `python -m services.NAME`, tampered with or not."""

    def __init__(
        self, name: str, settings: Mapping[str, str], tamperings: tuple[str, ...], log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._port = int(settings[PORT_SETTINGS[name]])
        module = f"services.{name}"
        tampered = ("tests.faults.harness.tampered", module, *tamperings)
        command = tampered if tamperings else (module,)
        self._process = start_child(command, {**_inherited(), **settings}, CHECKOUT, log)

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process.pid is not None  # it was started
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process is there, be it stopped."""
        return self._process.exitcode is None

    async def ready(self, seconds: float = 60) -> None:
        """Wait until it says that it is ready; raises RuntimeError when it has ended."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:

            async def answers() -> bool:
                if not self.is_alive:
                    raise RuntimeError(f"{self.name} ended: {self.log}")
                try:
                    answer = await client.get(f"http://{HOST}:{self._port}/health/ready")
                except httpx.TransportError:
                    return False
                return answer.is_success

            await until_true(f"{self.name} is ready", answers, seconds)

    async def names(self, trouble: str, seconds: float = 60) -> None:
        """Wait until it says that it is not ready, for a reason that begins like this."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:

            async def told() -> bool:
                answer = await client.get(f"http://{HOST}:{self._port}/health/ready")
                reasons: list[str] = answer.json()["waits_for"]
                assert (answer.status_code == 503) == bool(reasons)
                return any(reason.startswith(trouble) for reason in reasons)

            await until_true(f"{self.name} names: {trouble}", told, seconds)

    async def killed(self, seconds: float = 60) -> None:
        """Wait until it has killed itself; raises RuntimeError where it ended otherwise."""
        await self.ended(seconds)
        if self._process.exitcode != -signal.SIGKILL:
            raise RuntimeError(f"{self.name} ended with {self._process.exitcode}: {self.log}")

    async def ended(self, seconds: float = 60) -> None:
        """Wait until it is gone, for whatever reason."""

        async def gone() -> bool:
            return not self.is_alive

        await until_true(f"{self.name} ends", gone, seconds)

    async def stopped(self, seconds: float = 60) -> None:
        """Wait until it has stopped itself, or was stopped."""

        async def look() -> bool:
            return self._is_stopped()

        await until_true(f"{self.name} stops itself", look, seconds)

    def _is_stopped(self) -> bool:
        try:
            told = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return False  # it has ended
        return told.rpartition(")")[2].split()[0] == "T"

    def output(self) -> str:
        """What it has logged."""
        return self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """End it as a crash would."""
        if self.is_alive:  # which tells by itself whether its id is still its own
            self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        """Stop it where it stands."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGCONT)

    async def end(self, seconds: float = 30) -> None:
        """Have it end in order, as an update does."""
        if self.is_alive:
            self._process.terminate()
        await self.ended(seconds)

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        self.kill()


def _inherited() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(("COVERAGE_", "COV_CORE_"))
    }
