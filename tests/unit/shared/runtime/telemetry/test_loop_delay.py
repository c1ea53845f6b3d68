"""How late the event loop is: a standstill counts for as long as it lasts."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.runtime.telemetry import loop_delay
from shared.runtime.telemetry.loop_delay import EVERY_SECONDS, MOST_MISSED, LoopDelay

NAME = "registry_event_loop_delay_seconds"


class Loop:
    """A loop whose clock is set, and which calls when it is told to."""

    def __init__(self) -> None:
        self._now = 0.0
        self._call: Callable[[], object] = int

    def time(self) -> float:
        return self._now

    def call_later(self, seconds: float, callback: Callable[..., None], *given: Any) -> Any:
        def call() -> None:
            self._now += seconds
            callback(*given)

        self._call = call
        return SimpleNamespace(cancel=int)

    def go_on(self, late: float) -> None:
        """Call, so many seconds late."""
        self._now += late
        self._call()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    made = Loop()
    monkeypatch.setattr(loop_delay.asyncio, "get_running_loop", lambda: made)
    return made


@pytest.fixture
def registry(loop: Loop) -> CollectorRegistry:
    made = CollectorRegistry()
    LoopDelay(made).start()
    return made


def count(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value(f"{NAME}_count")


def test_a_call_in_time_counts_once(loop: Loop, registry: CollectorRegistry) -> None:
    for _ in range(4):
        loop.go_on(0.001)
    assert count(registry) == 4


def test_a_standstill_counts_as_each_call_that_it_kept_from_coming(
    loop: Loop, registry: CollectorRegistry
) -> None:
    loop.go_on(3.0625)
    assert count(registry) == 13
    upto = {"le": str(EVERY_SECONDS)}
    assert registry.get_sample_value(f"{NAME}_bucket", upto) == 1
    found = registry.get_sample_value(f"{NAME}_sum")
    assert found == pytest.approx(sum(3.0625 - number * EVERY_SECONDS for number in range(13)))


def test_a_night_counts_as_a_minute(loop: Loop, registry: CollectorRegistry) -> None:
    loop.go_on(8 * 3600)
    assert count(registry) == MOST_MISSED == 60 / EVERY_SECONDS
