"""An object that storage fails at stops nobody: it is buried, and found again once it is whole."""

from collections.abc import AsyncIterator

import pytest

from services.indexer.events import handler
from services.indexer.events.handler import handle_batch
from services.indexer.reconcile.round import reconcile
from shared.storage.connection import StorageUnavailable
from tests.integration.failing_storage import Failing
from tests.integration.rig import Rig, opened_rig
from tests.integration.test_permanent_errors import Letters, message
from tests.support.servers import Addresses


@pytest.fixture
async def rig(addresses: Addresses) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield opened


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    monkeypatch.setattr(handler, "RETRY_SECONDS", 0.2)
    monkeypatch.setattr(handler, "ONE_SECONDS", 0.1)
    return Failing(monkeypatch)


async def test_its_message_is_buried_and_the_others_of_its_batch_are_handled(
    rig: Rig, failing: Failing
) -> None:
    sessions = [await rig.upload("churn", ("a.bin", b"bytes")) for _ in range(3)]
    failing.keys = {sessions[1].files[0].key}
    letters = Letters()
    batch = [message(session, rig) for session in sessions]
    await handle_batch(batch, context=rig.indexer, bury=letters.bury)
    states = [(await rig.version("churn", number)).state for number in (1, 2, 3)]
    assert states == ["ready", "pending", "ready"]
    [letter] = letters.kept
    assert "InternalError" in letter.headers["reason"]

    failing.keys = set()
    await reconcile(rig.indexer)
    assert (await rig.version("churn", 2)).state == "ready", "mended, it is found without an event"


async def test_storage_that_is_away_for_all_buries_nothing(rig: Rig, failing: Failing) -> None:
    session = await rig.upload("churn", ("a.bin", b"bytes"))
    failing.keys = {session.files[0].key}
    failing.is_away = True
    letters = Letters()
    with pytest.raises(StorageUnavailable):
        await handle_batch([message(session, rig)], context=rig.indexer, bury=letters.bury)
    assert letters.kept == []


async def test_many_objects_that_it_fails_at_are_no_fault_of_theirs(
    rig: Rig, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "MAX_DAMAGED", 1)
    sessions = [await rig.upload("churn", ("a.bin", b"bytes")) for _ in range(2)]
    failing.keys = {session.files[0].key for session in sessions}
    batch = [message(session, rig) for session in sessions]
    with pytest.raises(StorageUnavailable):
        await handle_batch(batch, context=rig.indexer, bury=Letters().bury)
