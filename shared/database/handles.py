"""What users call a version besides its number: a label, an id of their own, a key of a request.

Each is a small document of its own, written only where it was given. As indexed fields of the
version they would make every update of every version dearer (docs/decisions/0009).
"""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

from pymongo import DeleteOne, UpdateOne

from shared.database.client import Database
from shared.database.collection import Document, Transaction, find_each
from shared.database.errors import DuplicateKey
from shared.database.rules import read_effective
from shared.database.visibility import within
from shared.domain.access.decision import NameFilter
from shared.domain.errors import Conflict
from shared.domain.records import VersionRecord
from shared.domain.version_rules import reused_label

READY = frozenset(("ready", "missing"))
"""States of a version that became ready."""


def label_handle(model: str, label: str) -> str:
    """Return the handle of a label, which is unique within its model."""
    return f"label:{model}/{label}"


def client_handle(client_id: str, owner: str | None, model: str) -> str:
    """Return the handle of an id that an uploader chose; see `give_client_handles`."""
    return f"client:{_scope(owner, model)}{client_id}"


def key_handle(idempotency_key: str, owner: str | None, model: str) -> str:
    """Return the handle of an idempotency key of an uploader for a model."""
    return f"key:{_scope(owner, model)}{idempotency_key}"


def _scope(owner: str | None, model: str) -> str:
    """Return what comes before a name that is unique to its uploader and model.

    Nothing where the uploader is not known: an earlier release had one scope for all of them. What
    is found there has to be asked for its owner: uploaders choose what follows, slashes and all.
    """
    return "" if owner is None else f"{model}/{quote(owner, safe=':')}/"


def handles_of(record: VersionRecord) -> list[str]:
    """Name the handles that a version took when it was opened."""
    names: list[str] = []
    if record.label is not None:
        names.append(label_handle(record.model, record.label))
    if record.client_id is not None:
        names.append(_client_handle(record))
    if (key := _idempotency_key(record)) is not None:
        names.append(key)
    return names


async def resolve_handle(database: Database, handle: str) -> str | None:
    """Return the id of the version that has the handle, or had it last."""
    found = await database.handles.find_one({"_id": handle})
    return found["version_id"] if found else None


async def find_client_id(
    database: Database, client_id: str, owner: str, names: NameFilter
) -> str | None:
    """Return the id of the version that an uploader's id finds for whoever asks.

    Their own comes first; else it is that of the models that they may see. Of several the newest
    that became ready is found, or the newest of all.
    """
    newest_first = [("is_ready", -1), ("at", -1)]
    mine: Document = {"client_id": client_id, "owner": owner, **within(names, "model")}
    anyones: Document = {"client_id": client_id, **within(names, "model")}
    for query in (mine, anyones):
        if found := await database.handles.find_one(query, sort=newest_first):
            return found["version_id"]
    # As an earlier release kept it, without an owner: an id may spell out the handle of one that
    # has an owner. Whether they may see its model is asked of the version.
    unowned = {"_id": client_handle(client_id, None, ""), "owner": None}
    found = await database.handles.find_one(unowned)
    return found["version_id"] if found else None


async def holders_of(database: Database, handles: Iterable[str]) -> dict[str, Document]:
    """Return what is kept of each handle that is held, or was."""
    return {found["_id"]: found async for found in find_each(database.handles, "_id", handles)}


async def take_handles(database: Database, record: VersionRecord, transaction: Transaction) -> None:
    """Give a new version its handles.

    Raises Conflict "version_exists" or "idempotency_key_taken" where another version holds one, and
    "rule_immutable_labels" where the label was that of another one that was ready.
    """
    if (key := _idempotency_key(record)) is not None:
        detail = "the idempotency key opened another session"
        await _take(database, key, record, Conflict("idempotency_key_taken", detail), transaction)
    if record.label is not None:
        label = label_handle(record.model, record.label)
        taken = version_exists(record.model, record.label)
        await _require_label_unused(database, record.model, record.label, transaction)
        await _take(database, label, record, taken, transaction)
    await give_client_handles(database, [record], transaction)


async def give_client_handles(
    database: Database, records: Iterable[VersionRecord], transaction: Transaction
) -> None:
    """Let each id that uploaders chose find the newest version that became ready.

    Until one is, it finds the newest that was opened: an upload that is abandoned takes the id
    from nothing that works.
    """
    given = [each for each in records if each.client_id is not None]
    wanted = {_client_handle(each): each for each in sorted(given, key=_rank_of)}
    if not wanted:
        return
    held = find_each(database.handles, "_id", wanted, transaction)
    holders = {found["version_id"]: found["_id"] async for found in held}
    async for found in find_each(database.versions, "_id", holders, transaction):
        name = holders[found["_id"]]
        rank = _rank(found["state"], found["created_at"], found["number"])
        if rank > _rank_of(wanted[name]):
            del wanted[name]
    changes = [
        UpdateOne({"_id": name}, {"$set": _client_fields(record)}, upsert=True)
        for name, record in wanted.items()
    ]
    if changes:
        await database.handles.bulk_write(changes, transaction=transaction)


async def give_back_handles(
    database: Database, rejected: Iterable[VersionRecord], transaction: Transaction
) -> None:
    """Free what rejected versions held; a label goes on finding its version until it is taken."""
    changes: list[UpdateOne | DeleteOne] = []
    for record in rejected:
        if (key := _idempotency_key(record)) is not None:
            changes.append(DeleteOne({"_id": key, "version_id": record.id}))
        if record.label is not None:
            held = {"_id": label_handle(record.model, record.label), "version_id": record.id}
            changes.append(UpdateOne(held, {"$set": {"held": False}}))
    if changes:
        await database.handles.bulk_write(changes, transaction=transaction)


def version_exists(model: str, version: str | int) -> Conflict:
    """Return the conflict of a number or a label that is taken."""
    detail = f"version {version!r} of model {model!r} exists"
    return Conflict("version_exists", detail, field="version")


async def _take(
    database: Database,
    handle: str,
    record: VersionRecord,
    conflict: Conflict,
    transaction: Transaction,
) -> None:
    try:
        # One that is held does not match, and making it a second time fails on its id.
        await database.handles.update_one(
            {"_id": handle, "held": False},
            {"$set": {"version_id": record.id, "held": True}},
            upsert=True,
            transaction=transaction,
        )
    except DuplicateKey as error:
        raise conflict from error


async def _require_label_unused(
    database: Database, model: str, label: str, transaction: Transaction
) -> None:
    """Raise Conflict where a label that is free was a ready version's, and rules keep it that."""
    query: Document = {"_id": label_handle(model, label), "held": False}
    freed = await database.handles.find_one(query, transaction=transaction)
    if freed is None:
        return
    query = {"_id": freed["version_id"]}
    had_it = await database.versions.find_one(query, {"ready_at": 1}, transaction=transaction)
    if had_it is None or had_it.get("ready_at") is None:
        return  # nobody was ever given its bytes
    applied = await read_effective(database, model, transaction)
    if (conflict := reused_label(applied, model, label)) is not None:
        raise conflict


def _rank_of(record: VersionRecord) -> tuple[bool, datetime, int]:
    return _rank(record.state, record.created_at, record.number)


def _rank(state: str, created_at: datetime, number: int) -> tuple[bool, datetime, int]:
    """Order versions by what an id that they share should find; the greatest has it."""
    return state in READY, created_at, number


def _client_handle(record: VersionRecord) -> str:
    return client_handle(record.client_id or "", owner_of(record), record.model)


def _client_fields(record: VersionRecord) -> Document:
    """Return what is kept of an uploader's id: it is also looked for in all scopes at once."""
    return {
        "version_id": record.id,
        "client_id": record.client_id,
        "owner": owner_of(record),
        "model": record.model,
        "is_ready": record.state in READY,
        "at": record.created_at,
    }


def _idempotency_key(record: VersionRecord) -> str | None:
    key = record.session.idempotency_key if record.session else None
    return key_handle(key, owner_of(record), record.model) if key is not None else None


def owner_of(record: VersionRecord) -> str | None:
    """Return the principal that opened a version; None where that is not known."""
    return record.session.owner if record.session else None
