"""How many statements a batch costs: it depends on versions and batches, not on their files."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr

from shared.database.client import Database, open_database
from shared.database.found_folders import record_folders
from shared.database.lifecycle import settle
from shared.database.opening import open_version
from shared.database.versions import Versions
from shared.domain.found_folders import Settling
from shared.domain.records import VersionRecord
from shared.runtime.settings import Settings
from tests.integration.drafts import draft, sequences, verified
from tests.support.wire_messages import Command
from tests.support.wire_proxy import WireProxy

FILES = 1000
TOGETHER = 400
"""Verdicts that the indexer settles in one transaction."""


@pytest.fixture
async def counted(proxy: WireProxy, settings: Settings) -> AsyncIterator[Database]:
    """The database on the way through the proxy, which counts."""
    changes = {"mongodb_url": SecretStr(proxy.url)}
    async with open_database(settings.model_copy(update=changes)) as opened:
        yield opened


@pytest.fixture
async def large(database: Database) -> VersionRecord:
    """A version of a thousand files."""
    paths = [f"shards/{n:04}.bin" for n in range(FILES)]
    return await open_version(database, draft(f"model-{uuid4().hex}", *paths))


async def test_objects_of_many_folders_are_recorded_by_one_statement(
    counted: Database, proxy: WireProxy
) -> None:
    counts: Counter[str] = Counter()
    proxy.rules.append(
        lambda command: counts.update([command.name] * (command.collection == "found_folders"))
    )
    model, settling = f"model-{uuid4().hex}", Settling(timedelta(), timedelta())
    seen = {("bucket", f"{model}/{n}/"): f"{model}/{n}/a" for n in range(400)}
    for new in (400, 0):
        counts.clear()
        assert len(await record_folders(counted, seen, settling)) == new
        assert counts == {"update": 1}


def of_versions(proxy: WireProxy) -> Counter[str]:
    """Counts the statements on versions, and the fields that they set, from here on."""
    counts: Counter[str] = Counter()

    def watch(command: Command) -> None:
        if command.collection == "versions":
            counts[command.name] += 1
            counts["fields"] += sum(len(each["u"].get("$set", ())) for each in command.documents)

    proxy.rules.append(watch)
    return counts


async def test_a_version_of_many_files_is_read_once_for_all_their_keys(
    counted: Database, proxy: WireProxy, large: VersionRecord
) -> None:
    counts = of_versions(proxy)
    found = await Versions(counted).by_keys([each.key for each in large.artifacts])
    assert [record.id for record in found] == [large.id]
    assert counts["find"] == 1


async def test_a_thousand_events_of_one_version_cost_a_write_for_each_batch(
    counted: Database, database: Database, proxy: WireProxy, large: VersionRecord
) -> None:
    counts = of_versions(proxy)
    verdicts = [verified(large, index) for index in range(FILES)]
    states: list[str] = []
    for start in range(0, FILES, TOGETHER):
        settled = await settle(counted, verdicts[start : start + TOGETHER])
        states += [record.state for record in settled]
    assert states == ["ready"]
    batches = -(-FILES // TOGETHER)
    assert (counts["find"], counts["update"]) == (batches, batches)
    assert counts["fields"] <= FILES + 10, "each file is written once, and little beside them"
    assert await sequences(database, large.model) == [1, 2]
