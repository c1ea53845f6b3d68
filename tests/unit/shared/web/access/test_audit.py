"""Refusals are written behind: a flood of them neither blocks nor is silent, and none is lost."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from shared.database.client import Database
from shared.domain.access.audit import NOT_KEPT, AuditRecord, ChangeEnd
from shared.domain.errors import Unavailable
from shared.domain.records import utc_now
from shared.web.access import audit
from shared.web.access.audit import MOST_ENDS, MOST_REFUSALS, Audit, open_audit


class Kept:
    """What reached the database, in place of which it stands."""

    def __init__(self) -> None:
        self.entries: dict[str, AuditRecord] = {}
        self.ends: dict[str, str] = {}
        self.sizes: list[int] = []
        self.error: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def write_behind(
        self, _: Database, entries: Sequence[AuditRecord], ends: Mapping[str, ChangeEnd]
    ) -> None:
        if self.error is not None:
            raise self.error
        self.entries |= {each.id: each for each in entries}
        self.ends |= {each: end.outcome for each, end in ends.items()}
        self.sizes.append(len(entries) + len(ends))
        await self.answers.wait()

    @property
    def refusals(self) -> list[str]:
        return [each.id for each in self.entries.values() if each.outcome != NOT_KEPT]

    @property
    def not_kept(self) -> int:
        return sum(each.count for each in self.entries.values() if each.outcome == NOT_KEPT)

    async def until(self, refusals: int) -> None:
        while len(self.refusals) < refusals:  # noqa: ASYNC110 - the loop writes in its own time
            await asyncio.sleep(0)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept = Kept()
    monkeypatch.setattr(audit, "write_behind", kept.write_behind)
    monkeypatch.setattr(audit, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(audit, "growing_pause", no_pause)
    return kept


def no_pause(failures: int, most_seconds: float) -> float:
    return 0.0


def refusal(number: int) -> AuditRecord:
    texts: dict[str, Any] = dict.fromkeys(("action", "model", "subject", "address"), "x")
    return AuditRecord(
        id=str(number),
        at=utc_now(),
        principal="anonymous",
        request_id="x",
        outcome="unauthenticated",
        **texts,
    )


DATABASE = cast(Database, None)


async def test_refusals_are_written_in_their_order_by_statements_of_bounded_size(
    kept: Kept,
) -> None:
    async with open_audit(DATABASE) as opened:
        for number in range(200):
            opened.refused(refusal(number))
        await kept.until(200)
    assert kept.refusals == [str(number) for number in range(200)]
    assert max(kept.sizes) == audit.REFUSALS_TOGETHER
    assert kept.not_kept == 0


async def test_a_flood_takes_no_more_than_its_room_and_the_rest_is_counted(kept: Kept) -> None:
    async with open_audit(DATABASE) as opened:
        for number in range(10_000):
            opened.refused(refusal(number))
        await kept.until(MOST_REFUSALS)
    assert len(kept.refusals) == MOST_REFUSALS
    assert kept.not_kept == 10_000 - MOST_REFUSALS
    [counted] = [each for each in kept.entries.values() if each.outcome == NOT_KEPT]
    assert counted.model == "", "who administers some names alone is not told"


async def test_what_waits_is_written_once_the_database_is_back(kept: Kept) -> None:
    kept.error = Unavailable("database_unavailable", "away")
    async with open_audit(DATABASE) as opened:
        opened.refused(refusal(1))
        opened.ended("2", ChangeEnd("done", utc_now()))
        while not opened.mark.failures:  # noqa: ASYNC110 - the loop writes in its own time
            await asyncio.sleep(0)
        kept.error = None
        await kept.until(1)
        assert opened.mark.trouble() == ""
    assert (kept.refusals, kept.ends) == (["1"], {"2": "done"})


async def test_a_defect_is_told_by_the_mark_and_does_not_end_the_writing(kept: Kept) -> None:
    kept.error = ZeroDivisionError("x")
    async with open_audit(DATABASE) as opened:
        opened.refused(refusal(1))
        while not opened.mark.failures:  # noqa: ASYNC110 - the loop writes in its own time
            await asyncio.sleep(0)
        assert opened.mark.trouble() == "audit fails (ZeroDivisionError: x)"
        kept.error = None
        await kept.until(1)


async def test_the_end_of_the_process_writes_all_that_waits(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAUSE_SECONDS", 3600.0)
    async with open_audit(DATABASE) as opened:
        for number in range(MOST_REFUSALS + 5):
            opened.refused(refusal(number))
        opened.ended("a", ChangeEnd("done", utc_now()))
        await asyncio.sleep(0)
        assert kept.sizes == []
    assert (len(kept.refusals), kept.not_kept, kept.ends) == (MOST_REFUSALS, 5, {"a": "done"})


async def test_what_was_being_written_at_the_end_is_written_again_under_the_same_id(
    kept: Kept,
) -> None:
    async with open_audit(DATABASE) as opened:
        opened.refused(refusal(1))
        kept.answers.clear()
        await kept.until(1)
        kept.answers.set()
        # The writing is cut off here, before it has heard of its success.
    assert kept.refusals == ["1"]


async def test_a_database_that_is_away_holds_up_no_end(kept: Kept) -> None:
    kept.error = Unavailable("database_unavailable", "away")
    async with open_audit(DATABASE) as opened:
        opened.refused(refusal(1))
    assert kept.refusals == []


async def test_ends_take_no_more_than_their_room() -> None:
    opened = Audit(DATABASE)
    for number in range(MOST_ENDS + 5):
        opened.ended(str(number), ChangeEnd("done", utc_now()))
    assert len(vars(opened)["_ends"]) == MOST_ENDS
