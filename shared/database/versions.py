"""Reads of versions, and the small writes that change no state."""

from collections.abc import Iterable

from registry.schemas import Version, VersionSummary
from shared.database.client import Database
from shared.database.collection import Document, find_each, portions
from shared.database.handles import (
    find_client_id,
    holders_of,
    key_handle,
    label_handle,
    owner_of,
    resolve_handle,
)
from shared.database.pages import bounded_page
from shared.domain.access.decision import NameFilter
from shared.domain.records import ArtifactRecord, PlacedArtifact, PlacedVersion, VersionRecord

LISTED_REASONS = 3
"""Of each version so many reasons are told in lists."""
_SUMMARY: Document = {
    **{name: 1 for name in VersionSummary.model_fields if name not in ("id", "file_count")},
    "reasons": {"$slice": LISTED_REASONS},
    "file_count": {"$size": "$artifacts"},
}
_PLACED: Document = {
    **dict.fromkeys(
        (
            "number",
            "state",
            "storage_group",
            "work.kind",
            "failure.code",
            "deletion.purge_began_at",
        ),
        1,
    ),
    **{
        f"artifacts.{name}": 1
        for name in ("key", "location", "references", "etag", "object_version", "state")
    },
}


class Versions:
    """The versions collection; every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions = database.versions

    async def get(self, version_id: str) -> VersionRecord | None:
        """Return a version by its id."""
        found = await self._versions.find_one({"_id": version_id})
        return VersionRecord.model_validate(found) if found else None

    async def by_idempotency_key(self, key: str, owner: str, model: str) -> VersionRecord | None:
        """Return the version of the model that the key of this owner opened.

        Or that it opened under an earlier release, which knew no owners.
        """
        scopes = {key_handle(key, each, model): each for each in (owner, None)}
        found = await holders_of(self._database, scopes)
        for name, each in scopes.items():
            if name in found and (version := await self.get(found[name]["version_id"])):
                # A key may spell out the scope of another owner: without one it is theirs.
                is_theirs = version.model == model and owner_of(version) == each
                return version if is_theirs else None
        return None

    async def by_keys(self, keys: Iterable[str]) -> list[VersionRecord]:
        """Return the versions that own any of these object keys, each once."""
        owners: dict[str, VersionRecord] = {}
        owned: set[str] = set()
        waiting: list[str] = list(dict.fromkeys(keys))
        while waiting:
            # A version of many files is found by the first portion of them, and read once.
            portion = next(portions(waiting))
            query = self._versions.find({"artifacts.key": {"$in": portion}})
            for found in await query.to_list():
                owner = owners[found["_id"]] = VersionRecord.model_validate(found)
                owned.update(artifact.key for artifact in owner.artifacts)
            waiting = [key for key in waiting[len(portion) :] if key not in owned]
        return list(owners.values())

    async def owners(
        self, bucket: str, keys: Iterable[str]
    ) -> dict[str, tuple[VersionRecord, ArtifactRecord]]:
        """Return by key the version in the bucket that has it, and its artifact."""
        return {
            artifact.key: (version, artifact)
            for version in await self.by_keys(keys)
            if version.storage_group == bucket
            for artifact in version.artifacts
        }

    async def by_ids(self, version_ids: Iterable[str]) -> dict[str, VersionRecord]:
        """Return the versions with these ids."""
        return {
            found["_id"]: VersionRecord.model_validate(found)
            async for found in find_each(self._versions, "_id", version_ids)
        }

    async def set_multipart_id(self, version_id: str, index: int, multipart_id: str) -> bool:
        """Record the multipart upload of an artifact.

        False when another was recorded first, or the session has ended meanwhile.
        """
        field = f"artifacts.{index}.multipart_id"
        # Not {field: None}: "artifacts.0.x" also means the field "0" of each artifact, and the
        # one that is not there equals null.
        result = await self._versions.update_one(
            {
                "_id": version_id,
                "session.state": "open",
                field: {"$not": {"$type": "string"}},
                f"artifacts.{index}.location": {"$not": {"$type": "string"}},
            },
            {"$set": {field: multipart_id}},
        )
        return result.modified_count == 1

    async def summaries(
        self, model: str, *, before: int | None, limit: int, max_bytes: int
    ) -> tuple[list[VersionSummary], bool]:
        """Return versions of a model below number `before`, newest first, and whether more follow.

        Up to `limit` of them, and no further one once their JSON is over `max_bytes`.
        """
        query: Document = {"model": model}
        if before is not None:
            query["number"] = {"$lt": before}
        cursor = self._versions.find(query, _SUMMARY).sort([("number", -1)])
        return await bounded_page(cursor, _summary, limit=limit, max_bytes=max_bytes)

    async def records_below(
        self, model: str, *, before: int | None, limit: int
    ) -> list[VersionRecord]:
        """Return up to `limit` versions below number `before`, as they are recorded."""
        found = await self._below(model, before, limit)
        return [VersionRecord.model_validate(each) for each in found]

    async def _below(self, model: str, before: int | None, limit: int) -> list[Document]:
        query: Document = {"model": model}
        if before is not None:
            query["number"] = {"$lt": before}
        return await self._versions.find(query).sort([("number", -1)]).limit(limit).to_list()

    async def ready_below(self, model: str, *, before: int | None, limit: int) -> list[Version]:
        """Return up to `limit` ready versions below number `before`, the newest first."""
        query: Document = {"model": model, "state": "ready"}
        if before is not None:
            query["number"] = {"$lt": before}
        cursor = self._versions.find(query).sort([("number", -1)]).limit(limit)
        return [_version(found) for found in await cursor.to_list()]

    async def by_digest(self, model: str, sha256: str) -> Version | None:
        """Return some ready version of a model that has a file of this verified hex digest."""
        # Each condition may be true of another file, so that it is asked of one of them; without
        # the first the partial index is not used.
        query: Document = {
            "artifacts.sha256_state": "verified",
            "artifacts.sha256": sha256,
            "artifacts": {"$elemMatch": {"sha256": sha256, "sha256_state": "verified"}},
            "state": "ready",
            "model": model,
        }
        found = await self._versions.find_one(query)
        return _version(found) if found else None

    async def placed_of(self, model: str, *, after: int, limit: int) -> list[PlacedVersion]:
        """Return up to `limit` versions above number `after`, oldest first, without metadata."""
        query: Document = {"model": model, "number": {"$gt": after}}
        cursor = self._versions.find(query, _PLACED).sort([("number", 1)]).limit(limit)
        return [_placed(found) for found in await cursor.to_list()]

    async def records_of(self, model: str, *, after: int, limit: int) -> list[VersionRecord]:
        """Return up to `limit` versions of a model above number `after`, oldest first."""
        query: Document = {"model": model, "number": {"$gt": after}}
        cursor = self._versions.find(query).sort([("number", 1)]).limit(limit)
        return [VersionRecord.model_validate(found) for found in await cursor.to_list()]

    async def find(self, version_id: str) -> Version | None:
        """Return a version by its id, as users see it."""
        found = await self._versions.find_one({"_id": version_id})
        return _version(found) if found else None

    async def by_number(self, model: str, number: int) -> Version | None:
        """Return a version of a model by its number."""
        found = await self._versions.find_one({"model": model, "number": number})
        return _version(found) if found else None

    async def by_label(self, model: str, label: str) -> Version | None:
        """Return the version of a model that has the label.

        A label that a rejected version gave up still finds it until another version takes it.
        """
        version_id = await resolve_handle(self._database, label_handle(model, label))
        return await self.find(version_id) if version_id else None

    async def by_number_or_label(self, model: str, version: int | str) -> Version | None:
        """Return the version of a model that has the number, or as a text the label."""
        if isinstance(version, int):
            return await self.by_number(model, version)
        return await self.by_label(model, version)

    async def by_alias(self, model: str, alias: str) -> Version | None:
        """Return the version of a model that the alias points at."""
        found = await self._versions.find_one({"model": model, "aliases": alias})
        return _version(found) if found else None

    async def by_client_id(self, client_id: str, owner: str, names: NameFilter) -> Version | None:
        """Return the newest ready version to which this id was given, or the newest of all.

        Among those of the owner first, then among all those of the names.
        """
        version_id = await find_client_id(self._database, client_id, owner, names)
        return await self.find(version_id) if version_id else None


def _placed(document: Document) -> PlacedVersion:
    deletion: Document = document.get("deletion") or {}
    return PlacedVersion(
        id=document["_id"],
        number=document["number"],
        state=document["state"],
        storage_group=document["storage_group"],
        has_work=bool(document.get("work") or document.get("failure")),
        is_purged=deletion.get("purge_began_at") is not None,
        artifacts=[
            PlacedArtifact(
                key=each["key"],
                etag=each.get("etag"),
                object_version=each.get("object_version"),
                is_verified=each["state"] == "verified",
                location=each.get("location"),
                references=each.get("references", 0),
            )
            for each in document["artifacts"]
        ],
    )


def _summary(document: Document) -> VersionSummary:
    return VersionSummary.model_validate({**document, "id": document["_id"]})


def _version(document: Document) -> Version:
    return Version.model_validate({**document, "id": document["_id"]})
