"""Processes of one folder that tests start, stop and ask how they are."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import httpx

from local.processes.ports import HOST
from local.processes.process import signal_process
from local.processes.state import SERVICES
from local.processes.supervisor import Supervisor
from local.servers.services import PORT_SETTINGS, plan_service
from local.stack import processes, start_servers, start_services, stop
from shared.runtime.settings import Settings
from tests.support.eventually import eventually
from tests.support.isolation import settings_of


@dataclass(frozen=True)
class Machine:
    """The processes below one folder, and what they answer."""

    root: Path
    environment: dict[str, str]
    http: httpx.AsyncClient

    @classmethod
    @asynccontextmanager
    async def beside(cls, root: Path, environment: dict[str, str]) -> AsyncGenerator[Self]:
        """Yield services that a block starts otherwise than they run; they run as before after it.

        Their certificates are not looked at, only what they say.
        """
        async with httpx.AsyncClient(trust_env=False, timeout=30, verify=False) as http:  # noqa: S501
            try:
                yield cls(root, environment, http)
            finally:
                await asyncio.to_thread(start_services, root, environment, "free")

    @property
    def settings(self) -> Settings:
        return settings_of(self.environment)

    def url(self, service: str) -> str:
        scheme = "https" if self.environment.get("TLS_CERT_FILE") else "http"
        return f"{scheme}://{HOST}:{self.environment[PORT_SETTINGS[service]]}"

    async def launch(self, service: str, **changes: str) -> None:
        """Start a service without waiting for it to be ready."""
        plan = plan_service(service, {**self.environment, **changes})
        started = replace(plan, is_ready=lambda: True)
        await asyncio.to_thread(Supervisor(self.root).ensure, started)

    async def start(self, *names: str) -> None:
        """Have the servers, and the services that are named, running and ready."""
        await asyncio.to_thread(start_servers, self.root, "free")
        wanted = [name for name in names if name in SERVICES]
        await asyncio.to_thread(start_services, self.root, self.environment, "free", names=wanted)

    async def stop(self, name: str) -> None:
        """Stop a server or service and wait for its end."""
        await asyncio.to_thread(stop, self.root, [name])

    async def terminate(self, service: str) -> None:
        """Send SIGTERM, and wait for the end of the process, which nobody kills."""
        record = processes(self.root)[service]
        assert signal_process(record.pid, record.identity, signal.SIGTERM)

        async def ended() -> bool | None:
            return None if record.is_alive else True

        await eventually(ended)

    async def waits_for(self, service: str) -> list[str] | None:
        """What the service says that it waits for; None where it does not answer yet."""
        try:
            answer = await self.http.get(f"{self.url(service)}/health/ready")
        except httpx.TransportError:
            return None
        found: list[str] = answer.json()["waits_for"]
        assert (answer.status_code == 503) == bool(found)
        return found

    async def until_it_answers(self, service: str) -> None:
        """Wait until the process is there."""

        async def look() -> bool | None:
            return None if await self.waits_for(service) is None else True

        await eventually(look)

    async def until_it_waits_for(self, service: str, *names: str) -> None:
        """Wait until the service names these, and no others; nothing means that it is ready."""

        async def look() -> bool | None:
            return True if await self.waits_for(service) == list(names) else None

        await eventually(look)

    async def until_it_names(self, service: str, name: str) -> None:
        """Wait until what is missing holds this name."""

        async def look() -> bool | None:
            return True if name in (await self.waits_for(service) or []) else None

        await eventually(look)

    async def until_it_tells(self, service: str, text: str) -> None:
        """Wait until the name of something that is missing holds this text."""

        async def look() -> bool | None:
            found = await self.waits_for(service) or []
            return True if any(text in each for each in found) else None

        await eventually(look)

    async def is_live(self, service: str) -> bool:
        answer = await self.http.get(f"{self.url(service)}/health/live")
        return answer.status_code == 200
