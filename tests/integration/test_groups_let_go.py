"""A storage group that is let go: nothing that lies in its bucket is published any more."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from services.admin.storage_groups.groups import add_group, remove_group
from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten
from services.indexer.events.indexing import index_objects
from services.indexer.found import adoption
from services.indexer.found.adopter import adopt_once
from services.indexer.found.contents import Listed
from shared.database.client import open_database
from shared.database.found_folders import list_folders
from shared.database.storage_groups import mark_removing
from shared.database.strays import list_strays
from shared.domain.found_folders import FoundFolder
from shared.kafka.dead_letters import DeadLetter
from shared.storage.adapter import open_storage
from tests.integration.provisioned import Registry, opened_registry
from tests.support.servers import Addresses


@dataclass(frozen=True)
class Attached:
    """A bucket of somebody else that an operator has just attached."""

    registry: Registry
    indexer: Context
    bucket: str

    async def see(self, key: str) -> None:
        """Put an object as a plain S3 client does, and hand its event in."""
        self.registry.s3.put_object(Bucket=self.bucket, Key=key, Body=b"theirs")
        await index_objects([ObjectWritten(self.bucket, key)], self.indexer)

    async def adopt(self) -> None:
        async def bury(letter: DeadLetter) -> None:
            raise AssertionError(letter.headers["reason"])

        while await adopt_once(self.indexer, bury, lambda: None):
            pass

    async def queue(self) -> list[FoundFolder]:
        database = self.indexer.database
        return await list_folders(database, bucket=self.bucket, after="", limit=10)

    async def versions(self) -> list[dict[str, Any]]:
        return await self.indexer.database.versions.find({}).to_list()


@pytest.fixture
async def attached(addresses: Addresses) -> AsyncIterator[Attached]:
    """Its name is one of a new group: the services keep their rights on it."""
    changes = {
        "STORAGE_GROUPS_ALLOW_NEW": "true",
        "STORAGE_GROUPS_NEW_NAMES": "*",
        "FOUND_SETTLE_SECONDS": "0",
        "FOUND_LONGEST_SECONDS": "0",
    }
    async with opened_registry(addresses, provisioned=True, **changes) as registry:
        bucket = f"test-{uuid4().hex}"
        await add_group(bucket, registry.operator)
        settings = registry.service("indexer")
        async with open_database(settings) as database, open_storage(settings) as storage:
            yield Attached(registry, Context.create(settings, database, storage), bucket)


async def test_folders_that_wait_become_no_versions_and_are_forgotten(attached: Attached) -> None:
    await attached.see("churn/1/model.bin")
    await attached.see("outside")
    await remove_group(attached.bucket, attached.registry.operator)
    assert await attached.queue() == []
    database = attached.indexer.database
    assert await list_strays(database, bucket=attached.bucket, after="", limit=10) == []
    await attached.adopt()
    assert await attached.versions() == []


async def test_a_folder_that_is_seen_while_the_group_goes_becomes_no_version(
    attached: Attached,
) -> None:
    """Other processes know a group for some seconds more."""
    assert await attached.indexer.groups.knows(attached.bucket)
    await remove_group(attached.bucket, attached.registry.operator)
    await attached.see("churn/1/model.bin")
    assert len(await attached.queue()) == 1
    await attached.adopt()
    assert await attached.versions() == []
    assert await attached.queue() == []


@pytest.mark.parametrize("moment", ["marked", "removed"])
async def test_a_group_that_goes_while_a_folder_is_adopted_gets_no_version(
    attached: Attached, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    await attached.see("churn/1/model.bin")
    listing = adoption.list_all

    async def goes_meanwhile(pages: Any) -> Listed:
        found = await listing(pages)
        if moment == "marked":
            await mark_removing(attached.registry.operator.database, attached.bucket)
        else:
            await remove_group(attached.bucket, attached.registry.operator)
        return found

    monkeypatch.setattr(adoption, "list_all", goes_meanwhile)
    await attached.adopt()
    assert await attached.versions() == []


async def test_a_group_that_stays_since_a_version_lies_in_it_loses_no_folder(
    attached: Attached,
) -> None:
    await attached.see("churn/1/model.bin")
    await attached.adopt()
    await attached.see("churn/2/model.bin")
    with pytest.raises(Exception, match="versions lie in"):
        await remove_group(attached.bucket, attached.registry.operator)
    await attached.adopt()
    assert [each["number"] for each in await attached.versions()] == [1, 2]
