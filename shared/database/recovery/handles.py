"""The names of versions made anew: idempotent, and safe beside live services."""

from collections.abc import Sequence

from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.handles import handles_of, holders_of, take_handles
from shared.database.versions import Versions
from shared.domain.deletion import state_without_deletion
from shared.domain.errors import Conflict
from shared.domain.records import SessionRecord, VersionRecord

PAGE = 200


async def restore_handles(database: Database, model: str) -> list[Conflict]:
    """Give the model's versions the names that they should have and that nobody holds.

    Returns a conflict for each name that another version holds. Raises DatabaseUnavailable.
    """
    conflicts: list[Conflict] = []
    number: int | None = None
    # The newest first: of several that gave a label up, it finds the last one that had it.
    versions = Versions(database)
    while page := await versions.records_below(model, before=number, limit=PAGE):
        held = await _held(database, page)
        for record in page:
            if lacking := _lacking(record, held):
                conflicts += await _take(database, lacking, record)
        number = page[-1].number
    return conflicts


async def _held(database: Database, records: Sequence[VersionRecord]) -> dict[str, Document]:
    names = {name for record in records for name in handles_of(record)}
    return await holders_of(database, names)


def _lacking(record: VersionRecord, held: dict[str, Document]) -> list[str]:
    return [name for name in handles_of(record) if _lacks(name, record, held.get(name))]


def _lacks(name: str, record: VersionRecord, holder: Document | None) -> bool:
    """Whether the version should have the handle and does not."""
    if state_without_deletion(record) == "rejected" and not name.startswith("client:"):
        return holder is None and name.startswith("label:")  # given up, and still finds it
    return holder is None or holder["version_id"] != record.id or holder.get("held") is False


async def _take(
    database: Database, lacking: Sequence[str], record: VersionRecord
) -> list[Conflict]:
    conflicts: list[Conflict] = []
    for name in lacking:
        if state_without_deletion(record) == "rejected" and name.startswith("label:"):
            await _leave(database, name, record)
        else:
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
            "session": _session(record, with_key=kind == "key"),
        }
    )

    async def take_it(transaction: Transaction) -> None:
        await take_handles(database, only, transaction)

    await database.transaction(take_it)


def _session(record: VersionRecord, *, with_key: bool) -> SessionRecord | None:
    """Return the session, which says whose names they are, perhaps without its key."""
    if record.session is None or with_key:
        return record.session
    return record.session.model_copy(update={"idempotency_key": None})


async def _leave(database: Database, name: str, record: VersionRecord) -> None:
    """Let a label find the rejected version that had it, until another takes it."""
    left = {"version_id": record.id, "held": False}
    await database.handles.update_one({"_id": name}, {"$setOnInsert": left}, upsert=True)
