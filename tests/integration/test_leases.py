"""Leases by name: one holder at a time, by the server's clock, and no work under a lost one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.database.client import Database
from shared.database.leases import LeaseLost, run_under_lease, try_lease
from tests.support.eventually import eventually

LONG = 60.0
"""Seconds; no machine stands still for as long."""
RENEWED = 15.0
"""Seconds; renewed after a third of them, and held on a machine that stands still for the rest."""
SHORT = 0.3
"""Seconds; of a lease that is lost anyway."""


@pytest.fixture
def name() -> str:
    return f"lease {uuid4().hex}"


async def held(database: Database, name: str) -> dict[str, Any]:
    """The lease, once somebody has it."""

    async def look() -> dict[str, Any] | None:
        return await database.leases.find_one({"_id": name})

    return await eventually(look)


async def take_over(database: Database, name: str) -> None:
    """Give the lease to another, as if it had ended and been taken between two renewals."""
    taken = {"$set": {"token": "another", "expires_at": datetime(2100, 1, 1, tzinfo=UTC)}}
    assert (await database.leases.update_one({"_id": name}, taken)).matched_count == 1


async def test_a_lease_has_one_holder_at_a_time(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def soon(_shortest: float, _longest: float) -> float:
        return 0.05  # those who wait look again after a part of LONG otherwise

    monkeypatch.setattr("shared.database.leases.random.uniform", soon)
    holders: list[int] = []
    met: list[int] = []

    async def work(number: int) -> int:
        holders.append(number)
        await database.ping()
        met.append(len(holders))
        holders.remove(number)
        return number

    async def hold(number: int) -> int:
        return await run_under_lease(database, name, lambda: work(number), seconds=LONG)

    assert await asyncio.gather(*map(hold, range(6))) == list(range(6))
    assert met == [1] * 6


async def test_a_lease_that_is_held_is_not_given_to_another(database: Database, name: str) -> None:
    assert await try_lease(database, name, "first", seconds=LONG)
    assert not await try_lease(database, name, "second", seconds=LONG)
    assert await try_lease(database, f"{name} of something else", "second", seconds=LONG)


async def test_a_released_lease_is_free_at_once(database: Database, name: str) -> None:
    async def work() -> None:
        assert not await try_lease(database, name, "another", seconds=LONG)

    await run_under_lease(database, name, work, seconds=LONG)
    assert await try_lease(database, name, "another", seconds=LONG)


async def test_a_lease_is_released_after_a_failure_too_which_comes_out_as_it_is(
    database: Database, name: str
) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_under_lease(database, name, work, seconds=LONG)
    assert await try_lease(database, name, "another", seconds=LONG)


async def test_a_cancelled_holder_releases_its_lease(database: Database, name: str) -> None:
    holder = asyncio.create_task(
        run_under_lease(database, name, asyncio.Event().wait, seconds=LONG)
    )
    await held(database, name)
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    assert await try_lease(database, name, "another", seconds=LONG)


async def test_a_lost_lease_cancels_the_work(database: Database, name: str) -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    holder = asyncio.create_task(run_under_lease(database, name, work, seconds=SHORT))
    await begun.wait()
    await take_over(database, name)
    with pytest.raises(LeaseLost):
        async with asyncio.timeout(10):
            await holder
    assert cancelled.is_set()
    lease = await database.leases.find_one({"_id": name})
    assert lease is not None
    assert lease["token"] == "another", "who lost it does not give it back"


async def test_a_lease_is_renewed_for_as_long_as_the_work_takes(
    database: Database, name: str
) -> None:
    async def work() -> bool:
        first = await held(database, name)

        async def renewed() -> bool | None:
            return (
                True if (await held(database, name))["expires_at"] > first["expires_at"] else None
            )

        await eventually(renewed)
        return await try_lease(database, name, "another", seconds=LONG)

    assert not await run_under_lease(database, name, work, seconds=RENEWED)


class WrongClock(datetime):
    """The clock of a machine that is a day ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # pyright: ignore[reportIncompatibleMethodOverride]
        return datetime.now(tz) + timedelta(days=1)


async def test_a_lease_ends_by_the_servers_clock_not_by_ours(
    database: Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("shared.domain.records", "shared.database.client"):
        monkeypatch.setattr(f"{module}.datetime", WrongClock)
    assert await try_lease(database, name, "first", seconds=LONG)
    lease = await held(database, name)
    hello = await database.leases.driver.database.client.admin.command("hello")
    servers = hello["localTime"].replace(tzinfo=UTC)
    assert abs(lease["expires_at"] - servers) < timedelta(hours=1), "not a day"
    assert not await try_lease(database, name, "of a machine that is ahead", seconds=LONG)
