"""Retention deletes what nothing keeps at the moment of deletion, whatever was judged before."""

from datetime import timedelta

import pytest

from registry.schemas import Rules
from services.indexer.retention import apply_retention
from shared.database import retention
from shared.database.client import Database
from shared.database.deletion import change_version
from shared.database.lifecycle import mark_missing, settle
from shared.database.opening import open_version
from shared.database.rules import change_model_rules
from shared.database.versions import Versions
from shared.domain import deletion
from shared.domain.aliases import UNCONDITIONAL
from shared.domain.records import VersionRecord, new_id, utc_now
from tests.integration.drafts import draft, verified
from tests.integration.rig import opened_rig
from tests.support.servers import Addresses

LAST = Rules.model_validate({"retention": {"keep_last_ready": 1}})
LIFE = timedelta(days=1)


@pytest.fixture
async def judged(database: Database) -> list[VersionRecord]:
    """Three ready versions of a model, of which its rule keeps the newest."""
    name = f"model-{new_id()[:12]}"
    versions = [await open_version(database, draft(name)) for _ in range(3)]
    for each in versions:
        await settle(database, [verified(each)])
    await change_model_rules(database, name, LAST, UNCONDITIONAL, by="ann")
    found = await retention.evaluate(database, name)
    assert [each.outcome for each in found.judgements] == ["kept", "removed", "removed"]
    return versions


async def test_a_version_that_went_missing_meanwhile_stays(
    database: Database, judged: list[VersionRecord]
) -> None:
    oldest = judged[0]
    await mark_missing(database, oldest.id, [])
    assert await retention.remove(database, oldest.model, 1, retention=LIFE) is None
    now = await Versions(database).get(oldest.id)
    assert now is not None
    assert now.state == "missing", "its objects may come back"


async def test_one_that_somebody_deleted_meanwhile_is_not_told_as_the_rules(
    database: Database, judged: list[VersionRecord]
) -> None:
    oldest = judged[0]

    def by_ann(found: VersionRecord) -> VersionRecord:
        return deletion.delete(found, by="ann", reason="", at=utc_now(), retention=LIFE)

    event = "registry.version.deleted.v1"
    await change_version(database, oldest.model, oldest.id, by_ann, event)
    assert await retention.remove(database, oldest.model, 1, retention=LIFE) is None


async def test_what_is_removed_says_whose_rule_it_was_and_why(
    database: Database, judged: list[VersionRecord]
) -> None:
    found = await retention.remove(database, judged[0].model, 1, retention=LIFE)
    assert found is not None
    assert found.deletion is not None
    assert found.deletion.by == f"rule:{found.model}"
    assert found.deletion.reason.startswith("by number it is ready version 3 from the newest")


async def test_of_a_model_without_a_rule_no_version_is_read(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened_rig(addresses) as rig:
        database, read = rig.indexer.database, list[str]()
        evaluate = retention.evaluate

        async def noted(of: Database, model: str) -> retention.Evaluation:
            read.append(model)
            return await evaluate(of, model)

        monkeypatch.setattr(retention, "evaluate", noted)
        for name in ("free", "ruled"):
            for _ in range(2):
                await settle(database, [verified(await open_version(database, draft(name)))])
        await change_model_rules(database, "ruled", LAST, UNCONDITIONAL, by="ann")
        assert await apply_retention(rig.indexer) == 1
        assert read == ["ruled"]
