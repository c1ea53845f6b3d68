"""Versions in a real database: numbers, labels, keys, whoever asks at the same moment."""

import asyncio
from uuid import uuid4

import pytest

from registry.schemas import Reason
from shared.database.client import Database
from shared.database.indexes import verify_indexes
from shared.database.lifecycle import reject
from shared.database.models import find_model
from shared.database.opening import open_version
from shared.database.versions import Versions
from shared.domain.errors import Conflict
from shared.domain.records import VersionRecord
from tests.integration.drafts import OWNER, draft, sequences

REASON = Reason(code="upload_aborted", detail="by the uploader")


@pytest.fixture
def model() -> str:
    return f"model {uuid4().hex}"


async def numbers(database: Database, model: str) -> list[int]:
    found = database.versions.find({"model": model}).sort([("number", 1)])
    return [version["number"] async for version in found]


async def test_indexes_may_be_made_again(database: Database) -> None:
    before = await database.versions.driver.index_information()
    await verify_indexes(database)
    assert await database.versions.driver.index_information() == before
    whole = [name for name, index in before.items() if "partialFilterExpression" not in index]
    assert len(whole) == 5, "each one makes every update of a version dearer"
    assert len(before) == 11, "of few: open uploads, an alias, shared bytes, purged; digest, size"


async def test_fifty_at_once_get_the_numbers_1_to_50_and_events_without_a_gap(
    database: Database, model: str
) -> None:
    opened = await asyncio.gather(*(open_version(database, draft(model)) for _ in range(50)))
    assert sorted(record.number for record in opened) == list(range(1, 51))
    assert await numbers(database, model) == list(range(1, 51))
    assert await sequences(database, model) == list(range(1, 51))
    found = await find_model(database, model)
    assert found is not None
    assert (found.version_count, found.sequence, found.latest_number) == (50, 50, None)


async def test_keys_follow_from_model_number_and_path(database: Database, model: str) -> None:
    record = await open_version(database, draft(model, "a.bin", "b/c.bin"))
    keys = [artifact.key for artifact in record.artifacts]
    assert keys == [f"{model}/1/a.bin", f"{model}/1/b/c.bin"]
    assert await Versions(database).by_keys([keys[1]]) == [record]


async def test_a_number_is_given_once(database: Database, model: str) -> None:
    await open_version(database, draft(model), number=3)
    with pytest.raises(Conflict) as caught:
        await open_version(database, draft(model), number=3)
    assert (caught.value.code, caught.value.members) == ("version_exists", {"field": "version"})
    assert (await open_version(database, draft(model), number=2)).number == 2
    assert (await open_version(database, draft(model))).number == 4
    assert await sequences(database, model) == [1, 2, 3], "a refusal leaves no gap"


async def test_of_many_that_want_one_label_at_once_one_gets_it(
    database: Database, model: str
) -> None:
    results = await asyncio.gather(
        *(open_version(database, draft(model, label="1.0")) for _ in range(8)),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, VersionRecord)]
    losers = [result for result in results if isinstance(result, Conflict)]
    assert (len(winners), len(losers)) == (1, 7)
    assert {loser.code for loser in losers} == {"version_exists"}
    assert await numbers(database, model) == [1]
    assert await sequences(database, model) == [1]


async def test_a_label_is_free_again_once_its_version_is_rejected(
    database: Database, model: str
) -> None:
    first = await open_version(database, draft(model, label="1.0"))
    assert await reject(database, first.id, REASON) is not None
    second = await open_version(database, draft(model, label="1.0"))
    found = await Versions(database).by_label(model, "1.0")
    assert found is not None
    assert (found.id, found.number) == (second.id, 2)


async def test_of_many_with_one_idempotency_key_one_opens_a_version(
    database: Database, model: str
) -> None:
    results = await asyncio.gather(
        *(open_version(database, draft(model, key=f"key of {model}")) for _ in range(8)),
        return_exceptions=True,
    )
    [winner] = [result for result in results if isinstance(result, VersionRecord)]
    codes = {result.code for result in results if isinstance(result, Conflict)}
    assert codes == {"idempotency_key_taken"}
    assert await Versions(database).by_idempotency_key(f"key of {model}", OWNER, model) == winner
    assert await numbers(database, model) == [1]


async def test_versions_without_an_idempotency_key_do_not_meet(
    database: Database, model: str
) -> None:
    for _ in range(2):
        await open_version(database, draft(model))
    assert await numbers(database, model) == [1, 2]


async def test_a_multipart_upload_is_recorded_by_one_of_those_at_once(
    database: Database, model: str
) -> None:
    record = await open_version(database, draft(model, "a.bin", "b.bin"))
    versions = Versions(database)
    won = await asyncio.gather(
        *(versions.set_multipart_id(record.id, 1, f"upload {n}") for n in range(6))
    )
    assert sorted(won) == [False] * 5 + [True]
    found = await versions.get(record.id)
    assert found is not None
    assert found.artifacts[0].multipart_id is None
    assert found.artifacts[1].multipart_id == f"upload {won.index(True)}"
