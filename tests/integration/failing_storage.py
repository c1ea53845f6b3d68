"""Storage that answers, and fails at some of the questions; and models to ask about."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.indexer.reconcile.round import reconcile
from shared.storage.buckets import Buckets
from shared.storage.connection import StorageUnavailable
from shared.storage.listing import Listing
from shared.storage.objects import Objects
from tests.integration.rig import Rig
from tests.integration.test_reconciling import repaired


class Failing:
    """Storage that fails at the questions about some keys and prefixes, or goes away at one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: set[str] = set()
        self.prefixes: set[str] = set()
        self.away_at = "-"
        """The prefix at whose listing it goes away."""
        self.is_away = False
        self.denied: set[str] = set()
        """Buckets that are not ours to look at any more."""
        self.listed: list[str] = []
        head, versions, exists = Objects.head, Listing.versions, Buckets.exists

        async def failing_exists(buckets: Buckets, bucket: str) -> bool:
            if self.is_away or bucket in self.denied:
                raise StorageUnavailable("AccessDenied")
            return await exists(buckets, bucket)

        async def failing_head(reader: Objects, bucket: str, key: str, *rest: Any) -> Any:
            if key in self.keys:
                raise StorageUnavailable("InternalError")
            return await head(reader, bucket, key, *rest)

        async def failing_versions(
            listing: Listing, bucket: str, *, prefix: str = "", **options: Any
        ) -> AsyncIterator[Any]:
            self.listed.append(prefix)
            self.is_away = prefix == self.away_at
            if prefix in self.prefixes or self.is_away:
                raise StorageUnavailable("InternalError")
            async for page in versions(listing, bucket, prefix=prefix, **options):
                yield page

        monkeypatch.setattr(Objects, "head", failing_head)
        monkeypatch.setattr(Listing, "versions", failing_versions)
        monkeypatch.setattr(Buckets, "exists", failing_exists)

    def come_back(self) -> None:
        self.away_at, self.is_away, self.listed = "-", False, []


async def ready(rig: Rig, *models: str) -> None:
    for model in models:
        await rig.upload(model, ("a.bin", b"a"))
    assert repaired(await reconcile(rig.indexer)) == {"indexed": len(models)}


async def lose(rig: Rig, model: str) -> str:
    """Remove the object of a ready version; returns its key."""
    [lost] = (await rig.version(model)).artifacts
    await rig.indexer.storage.objects.remove(rig.bucket, lost.key, lost.object_version)
    return lost.key
