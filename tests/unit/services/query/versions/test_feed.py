"""Those who wait for one version share its readings: one for each change, however many they are."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from registry.schemas import Version
from services.query.versions.feed import VersionFeed
from shared.database.client import Database
from tests.support.change_answers import ChangeAnswers

WAITING = 100
PENDING: Any = SimpleNamespace(id="1", state="pending")
VERIFYING: Any = SimpleNamespace(id="1", state="verifying")
READY: Any = SimpleNamespace(id="1", state="ready")


class Collection:
    """A collection whose change stream tells what the test puts into it."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[str] = asyncio.Queue()
        self._is_open = False

    def aggregate_raw_batches(self, *_: Any, **__: Any) -> ChangeAnswers:
        return ChangeAnswers(self._answer)

    async def _answer(self) -> list[str]:
        if not self._is_open:
            self._is_open = True
            return []
        return [await self.changes.get()]


class Record:
    """The version as it is stored; counts how often it is read."""

    def __init__(self) -> None:
        self.version: Version = PENDING
        self.readings = 0
        self.error: Exception | None = None

    async def look(self) -> Version:
        self.readings += 1
        found = self.version
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return found


async def settle_down() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


class Rig:
    def __init__(self) -> None:
        self.collection, self.record = Collection(), Record()
        versions = SimpleNamespace(driver=self.collection, name="versions")
        database: Any = SimpleNamespace(versions=versions)
        self.feed = VersionFeed(cast(Database, database))
        self.following = asyncio.create_task(self.feed.run())

    def wait(self, seconds: float = 60) -> asyncio.Task[Version]:
        return asyncio.create_task(self.feed.settled(PENDING, self.record.look, seconds))

    async def change(self, version: Version) -> None:
        self.record.version = version
        self.collection.changes.put_nowait(version.id)
        await settle_down()


@pytest.fixture
async def rig() -> Any:
    made = Rig()
    await settle_down()
    yield made
    made.following.cancel()
    await asyncio.wait((made.following,))


async def test_a_hundred_who_wait_cost_one_reading_for_each_change(rig: Rig) -> None:
    waiting = [rig.wait() for _ in range(WAITING)]
    await settle_down()
    assert rig.record.readings == 1
    await rig.change(VERIFYING)
    assert rig.record.readings == 2
    assert not any(each.done() for each in waiting)
    await rig.change(READY)
    assert rig.record.readings == 3
    assert [await each for each in waiting] == [READY] * WAITING


async def test_a_change_of_another_version_costs_nothing(rig: Rig) -> None:
    waiting = rig.wait()
    await settle_down()
    rig.collection.changes.put_nowait("2")
    await settle_down()
    assert rig.record.readings == 1
    await rig.change(READY)
    assert await waiting == READY


async def test_at_the_timeout_the_answer_tells_the_state_as_it_is(rig: Rig) -> None:
    long = rig.wait()
    await rig.change(VERIFYING)
    assert await rig.wait(seconds=0.001) == VERIFYING
    await rig.change(READY)
    assert await long == READY, "the end of one who waited does not end the others"


async def test_who_leaves_ends_no_others_waiting(rig: Rig) -> None:
    leaving, staying = rig.wait(), rig.wait()
    await settle_down()
    leaving.cancel()
    await settle_down()
    await rig.change(READY)
    assert await staying == READY
    assert leaving.cancelled()


async def test_after_the_last_one_has_left_nothing_is_read(rig: Rig) -> None:
    waiting = rig.wait()
    await settle_down()
    waiting.cancel()
    await settle_down()
    before = rig.record.readings
    await rig.change(VERIFYING)
    assert rig.record.readings == before


async def test_a_reading_that_fails_is_told_to_all_and_tried_anew_by_the_next(rig: Rig) -> None:
    rig.record.error = ConnectionError("away")
    waiting = [rig.wait() for _ in range(3)]
    await settle_down()
    for each in waiting:
        with pytest.raises(ConnectionError):
            await each
    rig.record.error = None
    later = rig.wait()
    await rig.change(READY)
    assert await later == READY


async def test_a_change_before_the_registration_is_not_missed(rig: Rig) -> None:
    rig.record.version = READY
    assert await rig.wait() == READY
