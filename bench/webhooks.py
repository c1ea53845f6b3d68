"""(l) Webhooks under fire, beside MLflow's: the same changes, receivers and kills for both.

WEBHOOK_EVENTS=4000 makes it shorter: 10,000 take about half an hour.
"""

import asyncio
import itertools
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx
import uvloop

from bench import webhook_sides
from bench.common import System, percentiles
from bench.report import Finding, Value
from bench.webhook_figures import Change, Figures, Seen, count, together
from bench.webhook_sides import KINDNESS, MLFLOW, PATIENCE, Side
from tests.support.receiver import Answer, Received, Receiver, receiver
from tests.support.receiver_faults import BEHAVIOURS

NAME = "webhooks"
SEED = 1
MODELS = [f"model-{number}" for number in range(10)]
EVENTS = int(os.environ.get("WEBHOOK_EVENTS", "10000"))
RATE = 10
"""Changes a second."""
OF_A_ROUND = 50
"""Changes; in the midst of them a process is killed, and the next ones wait until it is back."""
ANSWER_SECONDS = 300.0
"""How long a change is asked for before the benchmark gives up."""
QUIET_SECONDS = webhook_sides.LONGEST_PAUSE_SECONDS + 7.0
"""Where nothing has come for so long, nothing is under way any more."""
SETTLE_SECONDS = 900.0
"""The longest wait for what comes late."""


@dataclass(frozen=True)
class Outcome:
    """What came of the plan."""

    events: int
    """Of each receiver."""
    figures: Mapping[str, Figures]
    """By receiver."""


def run(system: System, *, quick: bool) -> Finding:
    """Put both under the plan, one after the other."""
    rounds = max((400 if quick else EVENTS) // (OF_A_ROUND * len(BEHAVIOURS)), 1)
    outcomes = uvloop.run(_both(system, rounds))
    notes = [
        f"{rounds} times {OF_A_ROUND} tags are set on versions of {len(MODELS)} models, {RATE} a"
        " second, each told to every receiver. In the midst of each time a process is killed, and"
        " the next begins when it is back.",
        "Events: those whose change was answered. Lost: never taken. Out of order: taken first"
        " after a later one of its model. Same id, other id: of further requests for one event."
        " Seconds from the answer until it was taken, of those that were; 0 where it was before.",
        f"registry: notifier, indexer, ingest are killed in turn; {_told(PATIENCE)}.",
        f"{MLFLOW}: the older of two workers is killed; {_told(KINDNESS)}. It gives up at 404 by"
        " design, and follows redirections, which lead nowhere here.",
    ]
    rows = [row for whose, outcome in outcomes.items() for row in _rows(whose, outcome, rounds)]
    samples = {
        f"{whose}, {name}": figures.delays
        for whose, outcome in outcomes.items()
        for name, figures in outcome.figures.items()
    }
    return Finding(NAME, "(l) Webhooks under fire", rows, notes, samples)


def _told(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _rows(whose: str, outcome: Outcome, kills: int) -> list[dict[str, Value]]:
    every, events = outcome.figures, outcome.events
    rows = [_row(whose, name, events, kills, each) for name, each in every.items()]
    return [*rows, _row(whose, "all", events * len(every), kills, together(every.values()))]


def _row(whose: str, name: str, events: int, kills: int, found: Figures) -> dict[str, Value]:
    row: dict[str, Value] = {
        "whose": whose,
        "receiver": name,
        "events": events,
        "kills": kills,
        "requests": found.requests,
        "lost": found.lost,
        "out of order": found.out_of_order,
        "same id": found.again_same_id,
        "other id": found.again_other_id,
    }
    if len(found.delays) > 1:
        cuts = percentiles(found.delays)
        row |= {"p50 s": cuts["p50"], "p99 s": cuts["p99"]}
    return row


async def _both(system: System, rounds: int) -> dict[str, Outcome]:
    found = {"registry": await _outcome(webhook_sides.open_registry(system, MODELS), rounds)}
    folder = Path(tempfile.mkdtemp(prefix="registry-bench-mlflow-"))
    try:
        found["MLflow"] = await _outcome(webhook_sides.open_mlflow(folder, MODELS), rounds)
    except subprocess.CalledProcessError as error:
        print(f"{MLFLOW} cannot be installed: {error.stderr}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


async def _outcome(opened: AbstractAsyncContextManager[Side], rounds: int) -> Outcome:
    answered: dict[Change, float] = {}
    seen: dict[str, list[Seen]] = {name: [] for name in BEHAVIOURS}
    with ExitStack() as stack:
        hooks = {name: stack.enter_context(receiver()) for name in BEHAVIOURS}
        async with opened as side:
            for name, hook in hooks.items():
                _behave(name, hook, side, seen[name])
                await side.subscribe(hook.url)
            numbers = {model: itertools.count(1) for model in MODELS}
            for _ in range(rounds):
                async with asyncio.TaskGroup() as group:
                    for model, each in numbers.items():
                        group.create_task(_make_changes(side, model, each, answered))
                    await asyncio.sleep(OF_A_ROUND / RATE / 2)
                    await side.kill()
            await _settle(answered, list(seen.values()))
    figures = {name: count(answered, requests) for name, requests in seen.items()}
    return Outcome(len(answered), figures)


def _behave(name: str, hook: Receiver, side: Side, seen: list[Seen]) -> None:
    made = random.Random(SEED)  # noqa: S311 - no secret; each side sees the same chances

    def behave(received: Received) -> Answer:
        answer = BEHAVIOURS[name](made)
        change, delivery = side.read(received)
        is_taken = isinstance(answer, int) and 200 <= answer < 300
        seen.append(Seen(change, delivery, is_taken, monotonic()))
        return answer

    hook.behave(behave)


async def _make_changes(
    side: Side, model: str, numbers: Iterator[int], answered: dict[Change, float]
) -> None:
    """Make a model's changes of a round, one after the other.

    One that was not answered is not made again, which would be another event of the same name:
    the next one is made in its place.
    """
    pause, begun = len(MODELS) / RATE, monotonic()
    for turn in range(OF_A_ROUND // len(MODELS)):
        await asyncio.sleep(begun + turn * pause - monotonic())
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                number = next(numbers)
                try:
                    await side.change(model, number)
                except httpx.HTTPError:
                    await asyncio.sleep(0.2)
                else:
                    answered[model, number] = monotonic()
                    break


async def _settle(answered: Mapping[Change, float], seen: Sequence[list[Seen]]) -> None:
    """Wait until every receiver has taken everything, or nothing comes any more."""
    begun = monotonic()
    while monotonic() < begun + SETTLE_SECONDS:
        newest = max([begun, *(requests[-1].at for requests in seen if requests)])
        taken = [{each.change for each in requests if each.is_taken} for requests in seen]
        is_quiet = monotonic() > newest + QUIET_SECONDS
        if is_quiet or all(answered.keys() <= each for each in taken):
            return
        await asyncio.sleep(0.5)
