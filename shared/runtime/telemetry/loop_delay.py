"""How late the event loop is: what every request of the process waits for beside its own work."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram

EVERY_SECONDS = 0.25
MOST_MISSED = 240
"""Calls that count after a standstill, those of a minute: a process may be stopped for a night."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class LoopDelay:
    """Asks to be called four times a second, and tells how much later it is.

    By calls and not by a task: there is nothing in it that could stand still. Each call that a
    standstill kept from coming counts too: else it would be one of few observations that are late.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._delay = Histogram(
            "registry_event_loop_delay_seconds",
            "How much later than asked for the event loop calls",
            buckets=BUCKETS,
            registry=registry,
        )
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Measure from now on."""
        loop = asyncio.get_running_loop()
        self._ask(loop)

    def stop(self) -> None:
        """Measure no more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    @property
    def is_measured(self) -> bool:
        """Whether it measures now."""
        return self._next is not None

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next = loop.call_later(EVERY_SECONDS, self._called, loop, loop.time() + EVERY_SECONDS)

    def _called(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        late = loop.time() - due
        self._delay.observe(max(0.0, late))
        missed = min(int(late / EVERY_SECONDS), MOST_MISSED - 1)
        for number in range(1, missed + 1):
            self._delay.observe(late - number * EVERY_SECONDS)
        self._ask(loop)
