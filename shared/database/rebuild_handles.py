"""The names of versions made anew: idempotent, and safe beside live services."""

from collections.abc import Sequence

from shared.database.client import Database, Document, Session, find_each
from shared.database.handles import client_handle, key_handle, label_handle, take_handles
from shared.errors import Conflict
from shared.records import VersionRecord

PAGE = 200


async def restore_handles(database: Database, model: str) -> list[Conflict]:
    """Give the model's versions the names that they should have and that nobody holds.

    Returns a conflict for each name that another version holds. Raises DatabaseError.
    """
    conflicts: list[Conflict] = []
    number: int | None = None
    # The newest first: of several that gave a label up, it finds the last one that had it.
    while page := await _page(database, model, before=number):
        held = await _held(database, page)
        for record in page:
            if lacking := _lacking(record, held):
                conflicts += await _take(database, lacking, record)
        number = page[-1].number
    return conflicts


async def _page(database: Database, model: str, *, before: int | None) -> list[VersionRecord]:
    query: Document = {"model": model}
    if before is not None:
        query["number"] = {"$lt": before}
    cursor = database.versions.find(query).sort("number", -1).limit(PAGE)
    return [VersionRecord.model_validate(found) for found in await cursor.to_list(None)]


async def _held(database: Database, records: Sequence[VersionRecord]) -> dict[str, Document]:
    names = {name for record in records for name in _names(record)}
    return {found["_id"]: found async for found in find_each(database.handles, "_id", names)}


def _names(record: VersionRecord) -> list[str]:
    """Name the handles that a version once took."""
    names: list[str] = []
    if record.label is not None:
        names.append(label_handle(record.model, record.label))
    if record.client_id is not None:
        names.append(client_handle(record.client_id))
    if record.session is not None and record.session.idempotency_key is not None:
        names.append(key_handle(record.session.idempotency_key))
    return names


def _lacking(record: VersionRecord, held: dict[str, Document]) -> list[str]:
    return [name for name in _names(record) if _lacks(name, record, held.get(name))]


def _lacks(name: str, record: VersionRecord, holder: Document | None) -> bool:
    """Whether the version should have the handle and does not."""
    if record.state == "rejected" and not name.startswith("client:"):
        return holder is None and name.startswith("label:")  # given up, and still finds it
    return holder is None or holder["version_id"] != record.id or holder.get("held") is False


async def _take(
    database: Database, lacking: Sequence[str], record: VersionRecord
) -> list[Conflict]:
    conflicts: list[Conflict] = []
    for name in lacking:
        if record.state == "rejected" and name.startswith("label:"):
            await _leave(database, name, record)
        elif not name.startswith("client:") or await _is_newest(database, name, record):
            try:
                await _take_one(database, name, record)
            except Conflict as conflict:
                conflicts.append(conflict)
    return conflicts


async def _take_one(database: Database, name: str, record: VersionRecord) -> None:
    """Take one handle in a transaction of its own, which a conflict ends."""
    kind, _, _ = name.partition(":")
    only = record.model_copy(
        update={
            "label": record.label if kind == "label" else None,
            "client_id": record.client_id if kind == "client" else None,
            "session": record.session if kind == "key" else None,
        }
    )

    async def work(session: Session) -> None:
        await take_handles(database, only, session)

    await database.transaction(work)


async def _leave(database: Database, name: str, record: VersionRecord) -> None:
    """Let a label find the rejected version that had it, until another takes it."""
    left = {"version_id": record.id, "held": False}
    await database.handles.update_one({"_id": name}, {"$setOnInsert": left}, upsert=True)


async def _is_newest(database: Database, name: str, record: VersionRecord) -> bool:
    """Whether no later version has the uploader's id."""
    holder = await database.handles.find_one({"_id": name})
    found = (
        await database.versions.find_one({"_id": holder["version_id"]}, {"created_at": 1})
        if holder
        else None
    )
    return found is None or found["created_at"] < record.created_at
