"""The end of a service: in order, or after a limit in any case.

Every part of a service ends in some seconds, also while its servers are away. But a part may be
held up by a defect, of ours or of a library that loses a cancellation: then the process says where
each task and thread stands, and ends. Nothing is lost by that: it may be killed at any time.
"""

import asyncio
import faulthandler
from collections.abc import Generator
from contextlib import contextmanager
from types import CoroutineType
from typing import Any

import uvicorn

from shared.runtime.logs import get_logger

END_SECONDS = 25.0
"""How long an end may take: longer than all parts may take one after the other (requests 10 s, a
batch 9 s, the last spans 2 s), and less than the 30 s after which compose kills."""
TELLING_SECONDS = 1.0
"""So long before the limit the process says what it waits for."""

log = get_logger(__name__)


class OrderlyServer(uvicorn.Server):
    """uvicorn, whose end has a limit."""

    async def shutdown(self, *args: Any, **options: Any) -> None:
        """End in order; where that takes too long, the process ends with 1."""
        with limited_end():
            await super().shutdown(*args, **options)


@contextmanager
def limited_end() -> Generator[None]:
    """End the process where the block takes longer, and say what it waited for."""
    telling = asyncio.get_running_loop().call_later(END_SECONDS - TELLING_SECONDS, _tell_tasks)
    # By a thread of C: it also ends a process whose event loop is blocked.
    faulthandler.dump_traceback_later(END_SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
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
