"""Calls that may never return, such as those of a resolver or a disk that hangs.

At their ends the event loop and the interpreter wait for the threads of a pool. So each of these
calls has a thread of its own, which nobody waits for.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_own_thread(call: Callable[[], T]) -> T:
    """Return what a call returns, or raise what it raises; it goes on where this is cancelled."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # from now on nothing but the call ends it

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(done)
