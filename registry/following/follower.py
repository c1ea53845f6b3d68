"""Follows an alias: an event, or a look from time to time, says that it may have moved.

An event is never the truth: what the alias names is asked of the registry each time. Whatever is
killed at any moment, the next look goes on: a download by its verified parts, the link by what it
leads to, the command by what it last succeeded for.
"""

import logging
import os
import random
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from registry._refs import Ref, spell
from registry.aio import AsyncModelRegistryClient
from registry.errors import MissingExtraError, RegistryError
from registry.following.command import CommandFailedError, run_command
from registry.following.target import Target
from registry.schemas import ModelEvent, Version
from registry.schemas.base import Answer
from registry.subscription import subscribe
from registry.transfer.progress import Progress

logger = logging.getLogger(__name__)


class Followed(Answer):
    """What the link leads to now."""

    model: str
    number: int
    label: str | None = None
    path: str
    """The link."""
    folder: str
    """Where it leads."""
    moved: bool
    """It led elsewhere before."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an alias is followed."""

    command: Sequence[str] = ()
    """Run after each move, with variables that tell of it; empty: none."""
    command_seconds: float = 300.0
    """Longest that it may take."""
    poll_seconds: float = 30.0
    """Time between two looks where no event comes, give or take a quarter."""
    keep: int = 1
    """Earlier versions that stay, to go back to without a download."""


@dataclass(slots=True)
class Follower:
    """Keeps a link at what a reference names."""

    client: AsyncModelRegistryClient
    ref: Ref
    target: Target
    options: Options
    tell: Callable[[Followed], None] = lambda _: None
    """Called after each move."""
    complain: Callable[[str], None] = logger.warning
    """Called with what does not work, once until it works again or something else does not."""
    watch: Callable[[str], AbstractContextManager[Progress | None]] = lambda _: nullcontext()
    """Entered with a title around each fetch; what it gives is told how far that is."""
    _woken: anyio.Event = field(default_factory=anyio.Event)
    _complaint: str = ""

    async def settle(self) -> Followed:
        """Let the link lead to what the reference names now, and run the command for it.

        Raises what lookups and downloads raise, and CommandFailedError: then the link leads there,
        and the next call runs the command again.
        """
        version = await self.client.get_version(self.ref.model, self.ref.version)
        with self.watch(f"fetch {spell(version.model, version.number)}") as progress:
            folder = await self.client.fetch(
                version.model,
                version.number,
                cache=self.target.cache,
                offline=False,
                progress=progress,
            )
        before = self.target.current()
        if before != folder:
            await _in_thread(partial(self.target.swap, folder))
        followed = Followed(
            model=version.model,
            number=version.number,
            label=version.label,
            path=str(self.target.link),
            folder=str(folder),
            moved=before != folder,
        )
        if not self.target.is_told(folder):
            if self.options.command:
                told = _variables(followed, version, before)
                await run_command(self.options.command, told, self.options.command_seconds)
            await _in_thread(partial(self.target.tell, folder))
            self.tell(followed)
        await _in_thread(partial(self.target.clean, self.options.keep))
        return followed

    async def run(self, url: str | None = None) -> None:
        """Follow until cancelled; what fails is told, and tried again.

        Events of the registry at `url` wake it, where they can be read; else it looks from time
        to time.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._listen, url)
            while True:
                # Made before the look: what moves while it looks is looked at again.
                self._woken = anyio.Event()
                await self._settle_telling()
                with anyio.move_on_after(self._pause()):
                    await self._woken.wait()

    async def _settle_telling(self) -> None:
        try:
            await self.settle()
        except (RegistryError, CommandFailedError) as error:
            self._complain_once(str(error))
        else:
            self._complaint = ""
            notify_ready()

    async def _listen(self, url: str | None) -> None:
        while True:
            try:
                async with subscribe(url, model=self.ref.model) as events:
                    self._woken.set()  # what happened until now was heard by nobody
                    async for event in events:
                        if self._concerns(event):
                            self._woken.set()
            except MissingExtraError as error:
                self.complain(
                    f"looks every {self.options.poll_seconds:g} s, without events: {error}"
                )
                return
            except RegistryError as error:
                logger.warning("events cannot be read, and are tried again: %s", error)
            await anyio.sleep(self._pause())

    def _concerns(self, event: ModelEvent) -> bool:
        """Whether an event may change what the reference names."""
        alias = event.data.alias
        return alias is None or self.ref.version.partition("?")[0] == f"@{alias.name}"

    def _pause(self) -> float:
        return self.options.poll_seconds * random.uniform(0.75, 1.25)  # noqa: S311 - no secret

    def _complain_once(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            self.complain(text)


def notify_ready() -> None:
    """Tell systemd that the service is up, where it asked for that; a second time is harmless.

    See sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.settimeout(1.0)
        try:
            notified.sendto(
                b"READY=1", address.replace("@", "\0", 1) if address[0] == "@" else address
            )
        except OSError as error:
            logger.warning("systemd cannot be told that the version is there: %s", error)


def _variables(followed: Followed, version: Version, before: Path | None) -> dict[str, str]:
    """Return what the command is told."""
    return {
        "REGISTRY_MODEL": followed.model,
        "REGISTRY_VERSION": str(followed.number),
        "REGISTRY_LABEL": version.label or "",
        "REGISTRY_PATH": followed.path,
        "REGISTRY_FOLDER": followed.folder,
        "REGISTRY_FOLDER_BEFORE": str(before or ""),
    }


async def _in_thread(function: Callable[[], None]) -> None:
    await anyio.to_thread.run_sync(function)
