"""Search keeps up with the records, proves it, and mends what it lacks."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from registry.schemas import Reason
from services.query.search.projection.projection import COMPARE_SECONDS, Projection
from services.query.search.projection.store import FILE
from shared.database import catalog
from shared.database.alias_moves import move_alias
from shared.database.client import Database
from shared.database.lifecycle import reject, settle
from shared.database.opening import open_version
from shared.domain.aliases import Mover, require_ready
from shared.domain.records import VersionRecord
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, verified
from tests.support.eventually import eventually
from tests.support.search_oracle import random_versions
from tests.support.search_service import (
    found_by,
    insert_versions,
    running_query,
    until_search_is_up,
)

UPLOADS = 20
STORED = 200


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
async def kept(settings: Settings, folder: Path) -> Settings:
    """Settings by which the file outlives the service."""
    return settings.model_copy(
        update={"query_search_folder": str(folder), "query_search_check_per_second": 1e6}
    )


@pytest.fixture(scope="module")
async def http(database: Database, kept: Settings) -> AsyncIterator[httpx.AsyncClient]:
    await insert_versions(database, random_versions(random.Random(3), 10, STORED // 10))  # noqa: S311
    async with running_query(kept) as found:
        yield found


async def made_ready(database: Database, model: str, **fields: Any) -> VersionRecord:
    opened = await open_version(database, draft(model, **fields))
    [settled] = await settle(database, [verified(opened)])
    return settled


@contextmanager
def writing(folder: Path) -> Generator[sqlite3.Connection]:
    """The service's own file."""
    file = sqlite3.connect(folder / "0" / FILE, isolation_level=None)
    try:
        yield file
    finally:
        file.close()


async def numbers(http: httpx.AsyncClient, text: str, **more: Any) -> list[int]:
    return [each["number"] for each in await found_by(http, text, ["version"], **more)]


async def health(http: httpx.AsyncClient) -> dict[str, Any]:
    return (await http.get("/health/search")).json()


async def move(database: Database, model: str, number: int | None) -> int:
    moved = await move_alias(
        database, model, "production", lambda _: number, require_ready, Mover("me", "")
    )
    return moved.sequence


async def test_a_version_that_is_ready_on_lookup_is_found_at_once_by_who_names_its_event(
    http: httpx.AsyncClient, database: Database, model: str
) -> None:
    for count in range(1, 6):
        settled = await made_ready(database, model, metrics={"auc": count / 10})
        text, seen = f"name = '{model}' AND state = ready", f"{model}:{settled.sequence}"
        assert len(await found_by(http, text, min_sequence=seen)) == count
        last = await move(database, model, count)
        seen = {"min_sequence": f"{model}:{last}"}
        assert await numbers(http, f"name = '{model}' AND alias = production", **seen) == [count]
    last = await move(database, model, None)
    seen = {"min_sequence": f"{model}:{last}"}
    assert await numbers(http, f"name = '{model}' AND alias IS NOT NULL", **seen) == []
    [found] = await found_by(http, f"name = '{model}'", kind="models")
    assert (found["version_count"], found["latest_number"], found["sequence"]) == (5, 5, last)


async def test_without_naming_it_nobody_waits_for_a_comparison(
    http: httpx.AsyncClient, database: Database, model: str
) -> None:
    """How long it takes is measured by `python -m bench i`."""
    begun = monotonic()
    for count in range(1, UPLOADS + 1):
        await made_ready(database, model)

        async def is_found(number: int = count) -> bool | None:
            text = f"name = '{model}' AND version = {number} AND state = ready"
            return bool(await found_by(http, text)) or None

        await eventually(is_found)
    assert monotonic() - begun < COMPARE_SECONDS, "they were found by the streams"


async def test_a_rejected_version_and_one_that_is_gone_are_told_as_they_are(
    http: httpx.AsyncClient, database: Database, model: str
) -> None:
    opened = await open_version(database, draft(model))
    rejected = await reject(database, opened.id, Reason(code="size", detail="it is wrong"))
    assert rejected is not None
    text = f"name = '{model}' AND state = rejected"
    [found] = await found_by(http, text, min_sequence=f"{model}:{rejected.sequence}")
    assert found["reasons"][0]["code"] == "size"
    await database.versions.update_one({"_id": opened.id}, {"$set": {"state": "deleted"}})

    async def is_gone() -> bool | None:
        return not await found_by(http, f"name = '{model}'") or None

    await eventually(is_gone)


async def test_a_hole_in_the_file_is_found_and_mended_by_a_check_and_is_told(
    http: httpx.AsyncClient, database: Database, folder: Path, model: str
) -> None:
    settled = await made_ready(database, model)
    await made_ready(database, model)
    seen = {"min_sequence": f"{model}:{settled.sequence + 2}"}
    assert await numbers(http, f"name = '{model}'", **seen) == [1, 2]

    async def is_checked() -> bool | None:
        return (await health(http))["checked_at"] is not None or None

    await eventually(is_checked)  # the next one is made because it is asked for
    before = (await health(http))["mended_rows"]
    with writing(folder) as file:
        found = "SELECT id FROM versions WHERE model = ? AND number = 1"
        [owner] = file.execute(found, (model,)).fetchall()
        file.execute("DELETE FROM versions WHERE id = ?", owner)
        # The next row may have the same id.
        file.execute("DELETE FROM versions_facets WHERE owner = ?", owner)
        file.execute("DELETE FROM versions_words WHERE rowid = ?", owner)
        file.execute("DELETE FROM versions_items WHERE owner = ?", owner)
        file.execute("UPDATE versions SET state = 'pending' WHERE model = ?", (model,))
        file.execute("UPDATE versions_items SET mark = x'00'")
    assert await numbers(http, f"name = '{model}' AND state = ready") == []
    await catalog.request(database, "check")

    async def is_mended() -> bool | None:
        return await numbers(http, f"name = '{model}' AND state = ready") == [1, 2] or None

    await eventually(is_mended)

    async def is_told() -> bool | None:
        return (await health(http))["mended_rows"] > before or None

    await eventually(is_told)


async def test_what_nobody_told_of_is_found_by_the_comparison_of_sequences(
    database: Database, kept: Settings, tmp_path: Path, model: str
) -> None:
    await made_ready(database, model)
    projection = Projection(database, str(tmp_path), check_versions_per_second=1)
    keeping = asyncio.create_task(projection.run())
    try:

        async def is_loaded() -> bool | None:
            return projection.figures.is_loaded or None

        await eventually(is_loaded)
        with writing(tmp_path) as file:
            file.execute("UPDATE applied SET sequence = 1 WHERE model = ?", (model,))
        projection.hints.version_changed(None)  # as a stream that begins anew

        async def is_told() -> bool | None:
            return projection.figures.behind == 1 or None

        await eventually(is_told)
        assert (await projection._store.write(lambda writer: writer.applied([model]))) == {model: 2}  # pyright: ignore[reportPrivateUsage]
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_a_search_is_made_anew_where_an_operator_wants_it(
    http: httpx.AsyncClient, database: Database, folder: Path, model: str
) -> None:
    settled = await made_ready(database, model)
    seen = {"min_sequence": f"{model}:{settled.sequence}"}
    assert await numbers(http, f"name = '{model}'", **seen) == [1]
    with writing(folder) as file:
        file.execute("INSERT INTO about VALUES ('test', 1)")
    await catalog.request(database, "rebuild")

    async def is_another() -> bool | None:
        with contextlib.suppress(sqlite3.Error), writing(folder) as file:
            return not file.execute("SELECT * FROM about WHERE name = 'test'").fetchall() or None
        return None

    await eventually(is_another)

    await until_search_is_up(http)
    assert await numbers(http, f"name = '{model}'") == [1]


async def test_events_that_there_are_not_and_names_that_are_none_are_refused(
    http: httpx.AsyncClient, database: Database, model: str
) -> None:
    await made_ready(database, model)
    answer = await http.get("/v1/search", params={"min_sequence": f"{model}:99"})
    assert answer.status_code == 422
    assert "has no event 99 yet" in answer.json()["detail"]
    answer = await http.get("/v1/search", params={"min_sequence": model})
    assert answer.json()["errors"] == [
        {"field": "min_sequence", "rule": "must be MODEL:SEQUENCE, such as churn:17"}
    ]
    answer = await http.get("/v1/search", params={"min_sequence": "unknown:99"})
    assert answer.status_code == 200


async def test_a_model_that_is_gone_and_comes_back_at_an_earlier_event_is_told_as_it_is(
    http: httpx.AsyncClient, database: Database, model: str
) -> None:
    """As where the records are emptied, and made anew."""
    first, second = [await made_ready(database, model) for _ in range(2)]
    seen = f"{model}:{second.sequence}"
    assert len(await found_by(http, f"name = '{model}'", min_sequence=seen)) == 2
    counters = await database.models.find_one({"_id": model})
    assert counters is not None
    await database.versions.driver.delete_many({"model": model})
    await database.models.driver.delete_many({"_id": model})

    async def is_gone() -> bool | None:
        kinds = [await found_by(http, f"name = '{model}'", kind=k) for k in ("versions", "models")]
        return kinds == [[], []] or None

    await eventually(is_gone)
    await database.models.insert_one({**counters, "sequence": 2, "version_count": 1})
    await database.versions.insert_one(first.model_dump(by_alias=True))

    async def is_back() -> bool | None:
        return await numbers(http, f"name = '{model}'") == [1] or None

    await eventually(is_back)


async def test_a_kept_file_goes_on_from_where_it_was(
    database: Database, settings: Settings, tmp_path: Path, model: str
) -> None:
    kept = settings.model_copy(update={"query_search_folder": str(tmp_path)})
    await made_ready(database, model)
    async with running_query(kept) as http:
        assert await numbers(http, f"name = '{model}'") == [1]
    file = (tmp_path / "0" / FILE).stat().st_ino
    await made_ready(database, model)
    await move(database, model, 1)
    async with running_query(kept) as http:
        assert await numbers(http, f"name = '{model}' AND state = ready") == [1, 2]
        assert await numbers(http, f"name = '{model}' AND alias = production") == [1]
    assert (tmp_path / "0" / FILE).stat().st_ino == file


async def test_pages_stay_true_while_versions_come_change_and_go(
    http: httpx.AsyncClient, database: Database, model: str
) -> None:
    made = [await made_ready(database, model, metrics={"auc": count}) for count in range(12)]
    params: dict[str, Any] = {
        "filter": f"name = '{model}'",
        "order_by": "metrics.auc",
        "limit": 5,
        "min_sequence": f"{model}:{made[-1].sequence}",
    }
    first = (await http.get("/v1/search", params=params)).json()
    assert [each["number"] for each in first["items"]] == [1, 2, 3, 4, 5]
    [fifth] = [each for each in first["items"] if each["number"] == 5]
    # The last one of the page goes, one before it comes, one moves from behind to the front.
    await database.versions.update_one({"_id": fifth["id"]}, {"$set": {"state": "deleted"}})
    added = await made_ready(database, model, metrics={"auc": 0.5})
    query = {"model": model, "number": 9}
    await database.versions.update_one(query, {"$set": {"metrics.auc": 0.1}})

    async def is_there() -> bool | None:
        text = f"name = '{model}' AND metrics.auc IN (4, 0.1)"
        return await numbers(http, text) == [9] or None

    await eventually(is_there)
    rest = await found_by(
        http,
        params["filter"],
        ["metrics.auc"],
        5,
        cursor=first["next_cursor"],
        min_sequence=f"{model}:{added.sequence}",
    )
    assert [each["number"] for each in rest] == [6, 7, 8, 10, 11, 12]
    answer = await http.get(
        "/v1/search", params={**params, "order_by": "version", "cursor": first["next_cursor"]}
    )
    assert answer.json()["errors"][0]["field"] == "cursor"
