"""Transactions under injected errors: once each, in time, with an end that says what happened."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from pydantic import SecretStr
from pymongo.errors import OperationFailure

from registry.schemas import Reason
from shared.database.client import Database, open_database
from shared.database.collection import Transaction
from shared.database.commits import HeadMoved, require_highest
from shared.database.errors import DatabaseContended, DatabaseUnavailable
from shared.database.lifecycle import reject, settle
from shared.database.models import find_model
from shared.database.opening import Wish, open_version, open_versions
from shared.database.staged import find_staged, keep_staged, take_staged
from shared.database.versions import Versions
from shared.domain.records import VersionRecord
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, pending_events, sequences, staged, verified
from tests.support.wire_faults import (
    ANSWER_LOST,
    CONNECTION_DROPPED,
    HOST_UNREACHABLE_AFTER,
    NO_SUCH_TRANSACTION,
    NOT_WRITABLE_PRIMARY,
    TOO_LARGE,
    UNAUTHORIZED,
    WRITE_CONCERN_TIMEOUT_AFTER,
    WRITE_CONFLICT,
    Fault,
)
from tests.support.wire_messages import Command
from tests.support.wire_proxy import WireProxy

SHORT = 0.5
FOR_EVER = 1_000_000


@pytest.fixture
async def impatient(proxy: WireProxy, settings: Settings) -> AsyncIterator[Database]:
    """The same, with a deadline that is soon over."""
    changes = {"mongodb_url": SecretStr(proxy.url), "mongodb_transaction_seconds": SHORT}
    async with open_database(settings.model_copy(update=changes)) as opened:
        await opened.now()
        yield opened


def writes_models(command: Command) -> bool:
    return command.is_write and command.collection == "models"


async def opened(database: Database, model: str, count: int) -> list[VersionRecord]:
    return [await open_version(database, draft(model)) for _ in range(count)]


async def states(database: Database, records: list[VersionRecord]) -> list[str]:
    found = await Versions(database).by_ids([record.id for record in records])
    return [found[record.id].state for record in records]


async def test_openings_and_verdicts_under_random_errors_count_once_each(
    faulty: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    kinds = (
        WRITE_CONFLICT,
        NO_SUCH_TRANSACTION,
        NOT_WRITABLE_PRIMARY,
        HOST_UNREACHABLE_AFTER,
        CONNECTION_DROPPED,
        ANSWER_LOST,
    )
    names = [f"{model} {n}" for n in range(3)]

    async def upload(name: str) -> None:
        record = await open_version(faulty, draft(name))
        await settle(faulty, [verified(record)])

    faults = proxy.inject_at_random(rate=0.1, seed=1, kinds=kinds)
    await asyncio.gather(*(upload(name) for name in names for _ in range(10)))
    faults.is_on = False
    assert proxy.injected.total() > len(kinds)
    for name in names:
        found = await find_model(database, name)
        assert found is not None
        assert (found.version_count, found.sequence, found.latest_number) == (10, 20, 10)
        assert await sequences(database, name) == list(range(1, 21))
        kept = await Versions(database).records_below(name, before=None, limit=100)
        assert [(each.number, each.state) for each in kept] == [
            (number, "ready") for number in range(10, 0, -1)
        ]


@pytest.mark.parametrize("fault", [WRITE_CONFLICT, NO_SUCH_TRANSACTION, NOT_WRITABLE_PRIMARY])
async def test_an_opening_that_meets_others_is_done_once(
    faulty: Database, database: Database, proxy: WireProxy, model: str, fault: Fault
) -> None:
    script = proxy.inject(fault, lambda command: command.in_transaction, times=3)
    record = await open_version(faulty, draft(model))
    assert script.left == 0
    assert (record.number, record.sequence) == (1, 1)
    assert await sequences(database, model) == [1]


@pytest.mark.parametrize(
    "fault", [WRITE_CONFLICT, NO_SUCH_TRANSACTION, WRITE_CONCERN_TIMEOUT_AFTER]
)
async def test_a_commit_that_meets_others_takes_its_bytes_once(
    faulty: Database, database: Database, proxy: WireProxy, model: str, fault: Fault
) -> None:
    record = staged(model)
    await keep_staged(database, [record])

    async def hold(_: Sequence[Wish], transaction: Transaction) -> None:
        await require_highest(faulty, model, 0, transaction)
        await take_staged(faulty, [record], transaction)

    is_at_its_end = fault is WRITE_CONCERN_TIMEOUT_AFTER
    script = proxy.inject(fault, *([] if is_at_its_end else [in_transaction]), times=3)
    [version] = await open_versions(faulty, [Wish(draft(model))], hold=hold)
    assert script.left == 0
    assert isinstance(version, VersionRecord)
    assert await sequences(database, model) == [1]
    assert await find_staged(database, record.id) is None
    with pytest.raises(HeadMoved):
        await open_versions(faulty, [Wish(draft(model))], hold=hold)


def in_transaction(command: Command) -> bool:
    return command.in_transaction


async def test_a_conflict_without_end_is_given_up_at_the_deadline(
    impatient: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    script = proxy.inject(WRITE_CONFLICT, writes_models, times=FOR_EVER)
    with pytest.raises(DatabaseContended, match=r"tries within 0\.5 s.*WriteConflict"):
        await open_version(impatient, draft(model))
    assert FOR_EVER - script.left < 40, "there are pauses between the tries"
    script.left = 0
    assert await find_model(database, model) is None


async def test_who_waits_for_a_turn_waits_no_longer_than_the_deadline(
    impatient: Database, proxy: WireProxy, model: str
) -> None:
    proxy.inject(WRITE_CONFLICT, writes_models, times=FOR_EVER)
    results = await asyncio.gather(
        *(open_version(impatient, draft(model)) for _ in range(5)), return_exceptions=True
    )
    # Whose turn came in the last moment may find the server too slow for what is left.
    assert all(isinstance(result, DatabaseUnavailable) for result in results)


async def test_a_commit_that_is_never_told_ends_as_unknown(
    impatient: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    script = proxy.inject(WRITE_CONCERN_TIMEOUT_AFTER, times=FOR_EVER)
    with pytest.raises(DatabaseUnavailable) as caught:
        await open_version(impatient, draft(model))
    assert not isinstance(caught.value, DatabaseContended), "which says that nothing was changed"
    script.left = 0
    assert await sequences(database, model) == [1], "it was committed, and nobody could know"


async def test_a_commit_that_is_told_later_counts_once(
    faulty: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    proxy.inject(WRITE_CONCERN_TIMEOUT_AFTER, times=3)
    record = await open_version(faulty, draft(model))
    assert record.number == 1
    assert await sequences(database, model) == [1]


async def test_a_permanent_error_is_not_tried_again(
    faulty: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    script = proxy.inject(TOO_LARGE, lambda command: command.collection == "versions", times=9)
    with pytest.raises(OperationFailure):
        await open_version(faulty, draft(model))
    assert script.left == 8
    assert await find_model(database, model) is None


async def test_a_missing_role_is_waited_for_by_the_caller(
    faulty: Database, proxy: WireProxy, model: str
) -> None:
    proxy.inject(UNAUTHORIZED)
    with pytest.raises(DatabaseUnavailable) as caught:
        await open_version(faulty, draft(model))
    assert caught.value.is_refused


async def test_a_statement_that_hangs_ends_at_the_deadline_and_leaves_no_lock(
    impatient: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    await opened(database, model, 1)
    hold = proxy.hold(lambda command: command.name == "insert")
    with pytest.raises(DatabaseUnavailable):
        await open_version(impatient, draft(model))
    await opened(database, model, 1)  # it would wait for locks, if there were any
    hold.release()
    assert await sequences(database, model) == [1, 2]


async def test_a_batch_that_meets_others_again_and_again_is_settled_in_halves(
    faulty: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    names = [f"{model} {n}" for n in range(4)]
    records = [record for name in names for record in await opened(database, name, 2)]

    def has_several_models(command: Command) -> bool:
        return writes_models(command) and len(command.documents) > 1

    # As long as it changes several models at once somebody is at work on one of them.
    script = proxy.inject(WRITE_CONFLICT, has_several_models, times=FOR_EVER)
    settled = await settle(faulty, [verified(record) for record in records])
    assert [record.id for record in settled] == [record.id for record in records]
    assert FOR_EVER - script.left <= 2 * 3, "each half is soon halved again"
    for name in names:
        assert await sequences(database, name) == [1, 2, 3, 4]
        pending = await pending_events(database, name)
        told = [json.loads(event.body)["data"]["number"] for event in pending]
        assert told == [1, 2, 1, 2], "in the order of the verdicts"


async def test_one_contended_version_does_not_undo_what_was_settled_beside_it(
    impatient: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    free, taken = await opened(database, f"{model} a", 1), await opened(database, f"{model} z", 1)

    def is_of_the_taken(command: Command) -> bool:
        return writes_models(command) and any(
            update["q"]["_id"] == taken[0].model for update in command.documents
        )

    script = proxy.inject(WRITE_CONFLICT, is_of_the_taken, times=FOR_EVER)
    with pytest.raises(DatabaseContended):
        await settle(impatient, [verified(record) for record in free + taken])
    script.left = 0
    assert await states(database, free + taken) == ["ready", "pending"]
    assert len(await settle(database, [verified(record) for record in free + taken])) == 1
    assert await sequences(database, free[0].model) == [1, 2]


async def test_a_verdict_that_meets_an_abort_is_decided_by_what_it_reads_then(
    faulty: Database, database: Database, proxy: WireProxy, model: str
) -> None:
    [record] = await opened(database, model, 1)
    hold = proxy.hold(lambda command: command.name == "find" and command.collection == "versions")
    settling = asyncio.create_task(settle(faulty, [verified(record)]))
    await hold.reached()
    reason = Reason(code="upload_aborted", detail="aborted by the uploader")
    assert await reject(database, record.id, reason, session_state="aborted") is not None
    hold.release()
    assert await settling == []
    assert await states(database, [record]) == ["rejected"]
