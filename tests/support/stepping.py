"""An event loop that goes on step by step, and a long-running coroutine cancelled at each step.

Nothing here depends on a clock: where a loop has only timers left, its time jumps to the next one.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

STEPS_TO_END = 300
"""Steps that a cancelled task may take to its end; the tasks of these tests need some dozens."""
MOST_STEPS = 5_000
"""A life that takes longer to go round twice does not go round."""


@dataclass(frozen=True, slots=True)
class Life:
    """A coroutine that never ends by itself, and how often it has gone round."""

    run: Coroutine[Any, Any, Any]
    rounds: Callable[[], int]


def cancel_at_every_step(begin: Callable[[asyncio.AbstractEventLoop], Life]) -> int:
    """Live the life again and again, each time cancelled one step later; returns how many times.

    The last one has gone round twice by then. Raises AssertionError where one ends by itself, or
    lives on after its cancellation.
    """
    for steps in range(MOST_STEPS):
        rounds = _live(begin, steps)
        if rounds >= 2:
            return steps + 1
    raise AssertionError(f"it did not go round twice within {MOST_STEPS} steps")


def _live(begin: Callable[[asyncio.AbstractEventLoop], Life], steps: int) -> int:
    """Cancel the life after so many steps; returns how often it had gone round."""
    loop = _SteppingLoop()
    try:
        life = begin(loop)
        task = loop.create_task(life.run)
        if steps:
            loop.run_steps(steps)
        assert not task.done(), f"it ended by itself within {steps} steps: {task}"
        rounds = life.rounds()
        task.cancel()
        loop.run_steps(STEPS_TO_END, until=task.done)
        assert task.done(), f"cancelled after {steps} steps, it lives on: {task}"
        assert task.cancelled(), f"cancelled after {steps} steps, it ended otherwise: {task}"
        left = asyncio.all_tasks(loop)
        assert not left, f"cancelled after {steps} steps, it left behind: {left}"
    finally:
        loop.wind_up()
    return rounds


class _SteppingLoop(asyncio.SelectorEventLoop):
    """An event loop with a time of its own, that runs a number of steps."""

    def __init__(self) -> None:
        self._time = 0.0
        self._left = 0
        self._until: Callable[[], bool] = bool
        super().__init__(_Selector(self._at_step))

    def time(self) -> float:
        """Return the loop's own time, in seconds."""
        return self._time

    def run_steps(self, steps: int, until: Callable[[], bool] = bool) -> None:
        """Run all callbacks that are ready, then those that they made ready, and so on."""
        self._left, self._until = steps - 1, until  # the step in which it stops is run too
        self.run_forever()

    def wind_up(self) -> None:
        """End what is left, also after a failure, and close."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.run_steps(STEPS_TO_END, until=lambda: not asyncio.all_tasks(self))
        self.close()

    def _at_step(self, idle_seconds: float | None) -> None:
        """Called before each step with how long nothing will be ready; None: for ever."""
        self._time += idle_seconds or 0.0
        if not self._left or self._until():
            self.stop()  # after this step
        self._left -= 1


class _Selector(selectors.DefaultSelector):
    """Never waits: it tells how long the loop would, which asks once in each step."""

    def __init__(self, at_step: Callable[[float | None], None]) -> None:
        super().__init__()
        self._at_step = at_step

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._at_step(timeout)
        return super().select(0)
