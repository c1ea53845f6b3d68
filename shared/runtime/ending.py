"""The end of a service: in order, or after a limit in any case.

Every part of a service ends in some seconds, also while its servers are away. But a part may be
held up by a defect, of ours or of a library that loses a cancellation: then the process says where
each task and thread stands, and ends. Nothing is lost by that: it may be killed at any time.
"""

import asyncio
import faulthandler
from types import CoroutineType, FrameType
from typing import Any

import uvicorn

from shared.runtime.logs import get_logger

END_SECONDS = 25.0
"""How long an end may take: more than its parts do one after the other (requests 10 s, a batch 5 s,
consumer, producer, leases and spans 2 s each), and less than the 30 s after which compose kills."""
TELLING_SECONDS = 1.0
"""So long before the limit the process says what it waits for."""

log = get_logger(__name__)


class OrderlyServer(uvicorn.Server):
    """uvicorn, whose end has a limit from the first signal on."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; a process that is still there at the limit ends with 1.

        By a thread of C, which also ends one whose event loop is blocked, or whose start has not
        come to its end.
        """
        if not self.should_exit:
            faulthandler.dump_traceback_later(END_SECONDS, exit=True)
        super().handle_exit(sig, frame)

    async def shutdown(self, *args: Any, **options: Any) -> None:
        """End in order; tell where all tasks are where that takes too long."""
        loop = asyncio.get_running_loop()
        telling = loop.call_later(END_SECONDS - TELLING_SECONDS, _tell_tasks)
        try:
            await super().shutdown(*args, **options)
        finally:
            telling.cancel()


def _tell_tasks() -> None:
    log.error("the end takes too long", waiting=sorted(map(_place, asyncio.all_tasks())))


def _place(task: asyncio.Task[Any]) -> str:
    """Return where a task waits, from the outermost function to the innermost."""
    places: list[str] = []
    found: object = task.get_coro()
    while isinstance(found, CoroutineType) and (frame := found.cr_frame) is not None:
        places.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        found = found.cr_await
    return " > ".join(places)
