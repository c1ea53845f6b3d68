"""The audit in the database: pages show exactly what the caller administers, and old entries go."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.database.audit import (
    DAY_SECONDS,
    AuditFilter,
    keep_retention,
    list_entries,
    write_behind,
    write_entry,
)
from shared.database.client import Database
from shared.domain.access.audit import AuditRecord, ChangeEnd
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.records import new_id, utc_now

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = ("churn", "churn.a", "risk", "risk.a", "risk.b", "risk.a.x", "riskier", "risk.*", "")
NOBODYS = NameFilter()


def entry(**changes: Any) -> AuditRecord:
    fields: dict[str, Any] = {
        "id": new_id(),
        "at": BEGIN,
        "principal": "token:1",
        "action": "upload.open",
        "model": "churn",
        "subject": "",
        "address": "192.0.2.1",
        "request_id": "a",
        "outcome": "allowed",
    }
    return AuditRecord.model_validate(fields | changes)


@pytest.fixture
async def empty(database: Database) -> Database:
    await database.audit.driver.delete_many({})
    return database


@pytest.fixture
async def filled(empty: Database) -> list[AuditRecord]:
    """Entries of all kinds, some of them at the same moment."""
    chance = random.Random(7)  # noqa: S311 - no secret
    entries = [
        entry(
            at=BEGIN + timedelta(seconds=chance.randrange(20)),
            principal=chance.choice(["token:1", "token:2"]),
            action=chance.choice(["upload.open", "model.read"]),
            model=chance.choice(MODELS),
            subject=chance.choice(["", "version:1", "version:11"]),
            outcome=chance.choice(["done", "hidden"]),
        )
        for _ in range(120)
    ]
    await write_behind(empty, entries, {})
    return entries


async def pages(
    database: Database, names: NameFilter, wanted: AuditFilter, limit: int
) -> list[AuditRecord]:
    """All entries, read page by page as the service does."""
    found: list[AuditRecord] = []
    before = None
    while page := await list_entries(database, names, wanted, before=before, limit=limit):
        assert len(page) <= limit
        found += page
        before = page[-1].at, page[-1].id
    return found


def ordered(entries: Iterable[AuditRecord]) -> list[str]:
    return [each.id for each in sorted(entries, key=lambda each: (each.at, each.id), reverse=True)]


@pytest.mark.parametrize(
    "names",
    [
        EVERY_NAME,
        NameFilter(names=frozenset(["churn"])),
        NameFilter(namespaces=frozenset(["risk."])),
        NameFilter(names=frozenset(["risk", "churn.a"]), namespaces=frozenset(["risk.a."])),
        NOBODYS,
    ],
    ids=["everything", "a name", "a namespace", "several", "nothing"],
)
@pytest.mark.parametrize(
    "wanted",
    [
        AuditFilter(),
        AuditFilter(model="risk.a"),
        AuditFilter(principal="token:2", action="model.read"),
        AuditFilter(subject="version:1"),
        AuditFilter(outcome="hidden", since=BEGIN + timedelta(seconds=5)),
        AuditFilter(since=BEGIN + timedelta(seconds=3), until=BEGIN + timedelta(seconds=9)),
        AuditFilter(since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC)),
    ],
    ids=[
        "all",
        "model",
        "principal, action",
        "subject",
        "outcome, since",
        "since, until",
        "all of time",
    ],
)
async def test_pages_are_what_a_simple_filter_would_give(
    empty: Database, filled: list[AuditRecord], names: NameFilter, wanted: AuditFilter
) -> None:
    def is_wanted(each: AuditRecord) -> bool:
        return (
            names.has(each.model)
            and wanted.principal in (None, each.principal)
            and wanted.action in (None, each.action)
            and wanted.model in (None, each.model)
            and wanted.subject in (None, each.subject)
            and wanted.outcome in (None, each.outcome)
            and (wanted.since is None or wanted.since <= each.at)
            and (wanted.until is None or each.at < wanted.until)
        )

    expected = ordered(filter(is_wanted, filled))
    for limit in (7, 500):
        found = await pages(empty, names, wanted, limit)
        assert [each.id for each in found] == expected


async def test_an_entry_that_comes_while_pages_are_read_moves_none_of_them(
    empty: Database, filled: list[AuditRecord]
) -> None:
    first = await list_entries(empty, EVERY_NAME, AuditFilter(), before=None, limit=50)
    await write_entry(empty, entry(at=BEGIN + timedelta(hours=1)))
    before = first[-1].at, first[-1].id
    rest = await list_entries(empty, EVERY_NAME, AuditFilter(), before=before, limit=500)
    assert [each.id for each in (*first, *rest)] == ordered(filled)


async def test_what_became_of_a_change_is_added_to_its_entry(empty: Database) -> None:
    opened, failed, unknown = (entry() for _ in range(3))
    for each in (opened, failed, unknown):
        await write_entry(empty, each)
    now = utc_now()
    ends = {
        opened.id: ChangeEnd("done", now, "version:1"),
        failed.id: ChangeEnd("version_exists", now),
    }
    await write_behind(empty, [], ends)
    found = {each.id: each for each in await pages(empty, EVERY_NAME, AuditFilter(), 10)}
    assert found[opened.id].outcome == "done"
    assert (found[opened.id].ended_at, found[opened.id].subject) == (now, "version:1")
    assert (found[failed.id].outcome, found[failed.id].subject) == ("version_exists", "")
    assert found[unknown.id] == unknown


async def test_writing_behind_may_be_repeated(empty: Database) -> None:
    refusals = [entry(outcome="forbidden") for _ in range(3)]
    for _ in range(2):
        await write_behind(empty, refusals, {refusals[0].id: ChangeEnd("done", utc_now())})
    assert len(await pages(empty, EVERY_NAME, AuditFilter(), 10)) == 3


async def test_a_change_of_the_retention_takes_effect(empty: Database) -> None:
    async def kept_seconds() -> list[int]:
        driver: Any = empty.audit.driver
        return [
            index["expireAfterSeconds"]
            async for index in driver.list_indexes()
            if "expireAfterSeconds" in index
        ]

    await keep_retention(empty, 0)
    assert await kept_seconds() == []
    for days in (30, 30, 7):
        await keep_retention(empty, days)
        assert await kept_seconds() == [days * DAY_SECONDS]
    await keep_retention(empty, 0)
    assert await kept_seconds() == []
