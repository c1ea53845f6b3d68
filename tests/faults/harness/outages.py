"""MinIO, Kafka and MongoDB of the fault suite's own: killed, started again, frozen."""

import asyncio
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from local.processes.process import signal_process
from local.stack import kill, processes, start_servers, stop


class Servers:
    """Servers below one root folder; their data and ports stay between starts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.addresses: Mapping[str, str] = start_servers(root, "free").settings_env()

    def kill(self, name: str) -> None:
        """End a server as a crash would."""
        kill(self.root, name)

    async def start(self) -> None:
        """Have every server running and ready, with the data and the address it had."""
        started = await asyncio.to_thread(start_servers, self.root, "free")
        if started.settings_env() != self.addresses:
            raise RuntimeError("somebody has taken the port of a server while it was down")

    def freeze(self, name: str) -> None:
        """Stop a server where it stands: its connections stay and nothing answers."""
        self._signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a frozen server go on."""
        self._signal(name, signal.SIGCONT)

    @asynccontextmanager
    async def killed(self, name: str) -> AsyncGenerator[None]:
        """Have a server dead inside the block, and ready again after it."""
        self.kill(name)
        try:
            yield
        finally:
            await self.start()

    @contextmanager
    def frozen(self, name: str) -> Generator[None]:
        """Have a server frozen inside the block."""
        self.freeze(name)
        try:
            yield
        finally:
            self.thaw(name)

    def _signal(self, name: str, number: signal.Signals) -> None:
        record = processes(self.root)[name]
        if not signal_process(record.pid, record.identity, number):
            raise RuntimeError(f"{name} is not running")


@contextmanager
def own_servers() -> Generator[Servers]:
    """Start servers below a temporary folder; at the end nothing of them is left."""
    root = Path(tempfile.mkdtemp(prefix="registry-faults-"))
    try:
        yield Servers(root)
    finally:
        stop(root, timeout_seconds=5)
        shutil.rmtree(root, ignore_errors=True)
