"""Moves of aliases by many at once, compared with what their history must be.

`ALIAS_MOVES=10000` makes as many; each test run makes fewer.
"""

import asyncio
import os
import random
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from registry.schemas import ModelEvent
from services.admin.rebuild.aliases import moves_of
from shared.database.alias_moves import move_alias
from shared.database.aliases import find_alias, find_alias_at, list_aliases, list_moves
from shared.database.client import Database
from shared.database.lifecycle import mark_missing, settle
from shared.database.opening import open_version
from shared.database.recovery.aliases import restore_alias, restore_moves
from shared.database.versions import Versions
from shared.domain.aliases import UNCONDITIONAL, Condition, Mover, MoveRecord, require_ready
from shared.domain.errors import Conflict, PreconditionFailed
from shared.domain.records import new_id
from tests.integration.drafts import draft, pending_events, verified

MOVES = int(os.environ.get("ALIAS_MOVES", "600"))
CALLERS = 8
INSTANTS = 1000
NUMBERS = 5
ALIASES = ("production", "staging")
SEED = 5


@dataclass
class Tally:
    """What callers were told: each move that they made, and how many were refused."""

    made: dict[tuple[str, str], list[MoveRecord]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], list[MoveRecord]](list)
    )
    refused: int = 0


async def ready_versions(database: Database, model: str, count: int) -> None:
    for _ in range(count):
        opened = await open_version(database, draft(model))
        [settled] = await settle(database, [verified(opened)])
        assert settled.state == "ready"


async def moved(
    database: Database,
    model: str,
    number: int | None,
    condition: Condition = UNCONDITIONAL,
    *,
    alias: str = "production",
    key: str | None = None,
) -> MoveRecord:
    """Move an alias as ingest does."""

    def decide(before: MoveRecord | None) -> int | None:
        condition.require(before, alias)
        return number

    return await move_alias(
        database, model, alias, decide, require_ready, Mover("somebody", "", key)
    )


@pytest.fixture
async def model(database: Database) -> str:
    name = f"model-{new_id()[:12]}"
    await ready_versions(database, name, NUMBERS)
    return name


async def test_moves_by_many_at_once_have_one_winner_each_and_are_all_remembered(
    database: Database,
) -> None:
    models = [f"model-{new_id()[:12]}" for _ in range(2)]
    for name in models:
        await ready_versions(database, name, NUMBERS)
    tally, left = Tally(), iter(range(MOVES))

    async def caller(chance: random.Random) -> None:
        for _ in left:
            name, alias = chance.choice(models), chance.choice(ALIASES)
            now = await find_alias(database, name, alias)
            points = now is not None and now.to_number is not None
            number = None if points and chance.random() < 0.1 else chance.randint(1, NUMBERS)
            if points and now is not None:
                condition = Condition(revision=now.revision)
            else:
                condition = Condition(is_absent=True)
            if now is not None and now.to_number == number:
                continue  # it would change nothing
            try:
                move = await moved(database, name, number, condition, alias=alias)
            except PreconditionFailed:
                tally.refused += 1
            else:
                tally.made[name, alias].append(move)

    await asyncio.gather(*(caller(random.Random(SEED + n)) for n in range(CALLERS)))  # noqa: S311
    assert tally.refused > 0, "there were races"
    for (name, alias), made in tally.made.items():
        await compare(database, name, alias, made)
    for name in models:
        pending = await pending_events(database, name)
        expected = list(range(1, len(pending) + 1))
        assert [event.sequence for event in pending][: len(expected)] == expected


async def compare(database: Database, model: str, alias: str, made: list[MoveRecord]) -> None:
    """Hold an alias against the moves that callers were told of."""
    expected = sorted(made, key=lambda move: move.revision)
    assert [move.revision for move in expected] == list(range(1, len(made) + 1)), "one winner each"
    history: list[MoveRecord] = []
    before = None
    while page := await list_moves(database, model, alias, before=before, limit=50):
        history += page
        before = page[-1].revision
    assert history[::-1] == expected
    for earlier, later in zip([None, *expected], expected, strict=False):
        assert later.from_number == (earlier.to_number if earlier else None)
    times = [move.at for move in expected]
    assert times == sorted(set(times))
    await compare_moments(database, model, alias, expected, times)
    last = expected[-1]
    found = await Versions(database).by_alias(model, alias)
    assert (found.number if found else None) == last.to_number
    listed = await list_aliases(database, model, after=None, limit=10)
    assert (last in listed) == (last.to_number is not None)


async def compare_moments(
    database: Database, model: str, alias: str, moves: list[MoveRecord], times: list[datetime]
) -> None:
    chance = random.Random(SEED)  # noqa: S311 - no secret
    span = (times[-1] - times[0]) / timedelta(milliseconds=1)
    for _ in range(INSTANTS // len(ALIASES)):
        at = times[0] + timedelta(milliseconds=chance.randint(-5, int(span) + 5))
        place = bisect_right(times, at)
        expected = moves[place - 1] if place else None
        assert await find_alias_at(database, model, alias, at) == expected


async def test_a_version_that_goes_missing_in_the_same_moment_is_not_pointed_at(
    database: Database, model: str
) -> None:
    for _ in range(10):
        version = await Versions(database).by_number(model, 1)
        assert version is not None
        results = await asyncio.gather(
            moved(database, model, 1),
            mark_missing(database, version.id, []),
            return_exceptions=True,
        )
        assert not isinstance(results[1], BaseException)
        found = await Versions(database).by_alias(model, "production")
        if isinstance(results[0], Conflict):
            assert found is None
            return
        assert found is not None, "it was moved before the version went missing"
        return


async def test_a_key_makes_one_move_and_finds_it_ever_after(database: Database, model: str) -> None:
    key = new_id()
    made = await asyncio.gather(*(moved(database, model, 1, key=key) for _ in range(4)))
    assert {move.revision for move in made} == {1}
    await moved(database, model, 2)
    assert await moved(database, model, 1, key=key) == made[0]
    assert [
        m.revision for m in await list_moves(database, model, "production", before=None, limit=9)
    ] == [2, 1]


async def test_a_key_of_a_move_that_found_all_done_does_not_undo_a_later_one(
    database: Database, model: str
) -> None:
    key, there = new_id(), await moved(database, model, 1)
    assert await moved(database, model, 1, key=key) == there
    await moved(database, model, 2)
    assert await moved(database, model, 1, key=key) == there
    now = await find_alias(database, model, "production")
    assert now is not None
    assert (now.revision, now.to_number) == (2, 2)


async def test_each_move_is_told_in_the_models_sequence(database: Database, model: str) -> None:
    for number in (1, 2, None, 2):
        await moved(database, model, number)
    pending = await pending_events(database, model)
    assert [event.sequence for event in pending] == list(range(1, 2 * NUMBERS + 5))
    events = [ModelEvent.model_validate_json(event.body) for event in pending[2 * NUMBERS :]]
    assert {event.type for event in events} == {"registry.alias.moved.v1"}
    assert {event.subject for event in events} == {f"{model}@production"}
    changes = [event.data.alias for event in events]
    assert [(c.revision, c.from_number, c.to_number) for c in changes if c] == [
        (1, None, 1),
        (2, 1, 2),
        (3, 2, None),
        (4, None, 2),
    ]
    assert [(event.data.number, event.data.state) for event in events] == [
        (1, "ready"),
        (2, "ready"),
        (2, "ready"),
        (2, "ready"),
    ]


async def test_what_the_events_tell_brings_aliases_and_their_history_back(
    database: Database, model: str
) -> None:
    for number in (1, 2, None, 3):
        await moved(database, model, number)
    pending = await pending_events(database, model)
    events = [ModelEvent.model_validate_json(event.body) for event in pending]
    before = await list_moves(database, model, "production", before=None, limit=9)
    await database.aliases.driver.delete_many({"model": model})
    await database.alias_history.driver.delete_many({"model": model})
    await database.versions.driver.update_many({"model": model}, {"$set": {"aliases": []}})

    assert await restore_moves(database, moves_of(events)) == 4
    assert await restore_alias(database, model, "production")
    assert await list_moves(database, model, "production", before=None, limit=9) == before
    assert await find_alias(database, model, "production") == before[0]
    found = await Versions(database).by_alias(model, "production")
    assert found is not None
    assert found.number == 3
    assert await restore_moves(database, moves_of(events)) == 0
    assert not await restore_alias(database, model, "production")
    newer = await moved(database, model, 1)
    assert not await restore_alias(database, model, "production"), "what is newer stays"
    assert await find_alias(database, model, "production") == newer
