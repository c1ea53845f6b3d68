"""What can be done to a service's process without a hook in its code: functions are replaced.

A tampering is written `kind:value`:

    crash:BOUNDARY     the process kills itself there (SIGKILL); BOUNDARY@3: at the third call
    stop:BOUNDARY      the process stops itself there (SIGSTOP) until somebody lets it go on
    without:SAFEGUARD  one safeguard is taken out
    clock:SECONDS      its wall clock is off by so much
    session:MS         session timeout of its Kafka consumer
    poll:MS            max_poll_interval_ms of its Kafka consumer
    lease:SECONDS      life of the leases that it takes
    slow_read:SECONDS  a full read takes so much longer
    freeze:TARGET      a part of TARGETS never comes back from its next step
    impatient:SECONDS  a part of the indexer that takes longer for a step counts as stuck
    short_read:        a full read stops the process, and then gives a cut-off object
"""

import asyncio
import functools
import importlib
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from shared.domain.part_digests import FileHasher
from tests.faults.harness.boundaries import BOUNDARIES, Boundary
from tests.faults.harness.safeguards import SAFEGUARDS

Function = Callable[..., Awaitable[Any]]


def tamper(specification: str) -> None:
    """Apply one tampering to this process; raises KeyError for one that there is not."""
    kind, _, value = specification.partition(":")
    TAMPERINGS[kind](value)


def _crash(place: str) -> None:
    _signal_at(_boundary(place), signal.SIGKILL)


def _stop(place: str) -> None:
    _signal_at(_boundary(place), signal.SIGSTOP)


def _boundary(place: str) -> Boundary:
    name, _, call = place.partition("@")
    boundary = BOUNDARIES[name]
    return replace(boundary, call=int(call)) if call else boundary


def _without(name: str) -> None:
    SAFEGUARDS[name]()


def _signal_at(boundary: Boundary, number: signal.Signals) -> None:
    calls = count(1)

    def around(original: Function) -> Function:
        async def wrapped(*args: Any, **keywords: Any) -> Any:
            is_due = next(calls) == boundary.call
            if is_due and boundary.when == "before":
                os.kill(os.getpid(), number)
            result = await original(*args, **keywords)
            if is_due and boundary.when == "after":
                os.kill(os.getpid(), number)
            return result

        return wrapped

    _wrap(boundary.target, around)


def _wrap(target: str, around: Callable[[Any], Any]) -> None:
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for attribute in owners:
        owner = getattr(owner, attribute)
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(around(original)))


def _clock(seconds: str) -> None:
    shift = timedelta(seconds=float(seconds))

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + shift

    for module in ("shared.domain.records", "shared.storage.urls", "miniopy_async.time"):
        setattr(importlib.import_module(module), "datetime", Shifted)  # noqa: B010 - not its own


def _consumer_option(name: str, value: str) -> None:
    def around(original: Any) -> Any:
        def wrapped(*args: Any, **keywords: Any) -> None:
            original(*args, **{**keywords, name: int(value)})

        return wrapped

    _wrap("aiokafka:AIOKafkaConsumer.__init__", around)


def _lease(seconds: str) -> None:
    work: Any = importlib.import_module("services.indexer.work.workers")
    adopter: Any = importlib.import_module("services.indexer.found.adopter")
    relay: Any = importlib.import_module("services.indexer.publish.relay")
    work.LEASE = adopter.LEASE = timedelta(seconds=float(seconds))
    turn: Any = importlib.import_module("services.notifier.sending.turn")
    relay.LEASE_SECONDS = turn.LEASE_SECONDS = float(seconds)


def _slow_read(seconds: str) -> None:
    def around(original: Function) -> Function:
        async def wrapped(*args: Any, **keywords: Any) -> Any:
            await asyncio.sleep(float(seconds))
            return await original(*args, **keywords)

        return wrapped

    _wrap("services.indexer.verify.full_reads:_read_whole", around)


def _short_read(_: str) -> None:
    def around(_: Function) -> Function:
        async def wrapped(*_: Any) -> Any:
            os.kill(os.getpid(), signal.SIGSTOP)
            return FileHasher(1)  # it saw no byte

        return wrapped

    _wrap("services.indexer.verify.full_reads:_read_whole", around)


def _freeze(name: str) -> None:
    def around(_: Function) -> Function:
        async def wrapped(*_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

        return wrapped

    _wrap(TARGETS[name], around)


TARGETS = {
    "batch": "services.indexer.events.handler:index_objects",
    "lane": "services.indexer.publish.lane:Lane._in_order",
    "worker": "services.indexer.verify.full_reads:_read_whole",
}
"""Parts that can be frozen, and what each does only when something waits."""


def _impatient(seconds: str) -> None:
    for module, name in (
        ("shared.kafka.consumer_health", "STUCK_SECONDS"),
        ("services.indexer.health", "UNPUBLISHED_SECONDS"),
        ("services.indexer.publish.lane", "STUCK_SECONDS"),
        ("services.indexer.work.workers", "STUCK_SECONDS"),
    ):
        setattr(importlib.import_module(module), name, float(seconds))


TAMPERINGS: dict[str, Callable[[str], None]] = {
    "crash": _crash,
    "stop": _stop,
    "without": _without,
    "clock": _clock,
    "session": functools.partial(_consumer_option, "session_timeout_ms"),
    "poll": functools.partial(_consumer_option, "max_poll_interval_ms"),
    "lease": _lease,
    "slow_read": _slow_read,
    "short_read": _short_read,
    "freeze": _freeze,
    "impatient": _impatient,
}
