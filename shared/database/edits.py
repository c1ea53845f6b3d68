"""Edits of what is said of versions and models, one transaction each, and all that were made.

Whoever asks without a revision edits what is newest: the patch is merged inside the transaction,
which is run again after a conflict, so that entries which several add at once are all kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.schemas import Model, ModelDescription
from registry.schemas.metadata import RequestedMetadata
from shared.database.announcing import VersionChange, announce
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.errors import DuplicateKey
from shared.database.models import Counters, ModelChange, change_models, model_of, read_counters
from shared.database.outbox import put_events
from shared.database.pages import bounded_page
from shared.database.records import newest_record, read_record
from shared.database.rules import read_effective
from shared.database.transactions import Overtaken
from shared.database.unchanged import find_unchanged, keep_unchanged
from shared.domain.edits import (
    EditRecord,
    WantedEdit,
    apply_patch,
    changed_entries,
    edit_record,
    metadata_of,
    require_editable,
)
from shared.domain.errors import Conflict, model_not_found, version_not_found
from shared.domain.events import edit_event
from shared.domain.records import VersionRecord
from shared.domain.repeats import UnchangedRecord, require_same
from shared.domain.version_rules import require_kept

MODEL_FIELDS = frozenset(ModelDescription.model_fields)
"""Of a model, what can be edited."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is edited: a version, or the model itself."""

    model: str
    number: int | None = None

    @property
    def query(self) -> Document:
        """Finds all its edits."""
        return {"model": self.model, "number": self.number}

    def edit_id(self, revision: int) -> str:
        """Return the id of an edit's document; a model's name has neither / nor @."""
        of = self.model if self.number is None else f"{self.model}/{self.number}"
        return f"{of}@{revision}"


async def edit_version(
    database: Database, model: str, number: int, wanted: WantedEdit
) -> VersionRecord:
    """Edit what is said of a version, and tell it; returns the version as it is then.

    Where the edit changes nothing, or its key was used before, nothing is changed. Raises NotFound,
    RuleBroken, Conflict "version_not_editable", PreconditionFailed, InvalidRequest,
    IdempotencyKeyReused, DatabaseContended and DatabaseUnavailable.
    """

    async def edit_it(transaction: Transaction) -> VersionRecord:
        query: Document = {"model": model, "number": number}
        before = await read_record(database, query, transaction)
        if before is None:
            raise version_not_found(model, number)
        if await find_made(database, wanted, transaction):
            return before
        require_editable(before)
        wanted.require_revision(f"version {number} of model {model!r}", before.revision)
        result = apply_patch(metadata_of(before), wanted.patch, RequestedMetadata)
        if result is None:
            await _keep_unchanged(database, wanted, number, before.revision, transaction)
            return before
        counters = await read_counters(database, [model], transaction)
        edit = edit_record(
            before,
            result,
            wanted,
            number=number,
            revision=before.revision + 1,
            sequence=counters[model].sequence + 1,
            at=await database.now(),
        )
        after = before.model_copy(update={**result.fields, "revision": edit.revision})
        require_kept(await read_effective(database, model, transaction), before, after)
        change = VersionChange(before, after, "registry.version.edited.v1", edit=edit)
        [record] = await announce(database, [change], counters, transaction)
        await _keep(database, edit, transaction)
        return record

    return await database.transaction(edit_it, turn=model)


async def edit_model(database: Database, model: str, wanted: WantedEdit) -> Model:
    """Edit what is said of a model, and tell it; returns the model as it is then.

    Where the edit changes nothing, or its key was used before, nothing is changed. What is said of
    a model before its first version is no edit: it is told with that. Raises NotFound, Conflict
    "model_without_version", PreconditionFailed, InvalidRequest, IdempotencyKeyReused,
    DatabaseContended and DatabaseUnavailable.
    """

    async def edit_it(transaction: Transaction) -> Model:
        found = await database.models.find_one({"_id": model}, transaction=transaction)
        if found is None:
            raise model_not_found(model)
        before = model_of(found)
        if await find_made(database, wanted, transaction):
            return before
        wanted.require_revision(f"model {model!r}", before.revision)
        said = before.model_dump(include=set(MODEL_FIELDS))
        result = apply_patch(said, wanted.patch, ModelDescription)
        if result is None:
            await _keep_unchanged(database, wanted, None, before.revision, transaction)
            return before
        newest = await newest_record(database, model, transaction)
        if newest is None and before.sequence == 0:
            unannounced = {**result.fields, "said_by": wanted.by}
            await database.models.update_one(
                {"_id": model}, {"$set": unannounced}, transaction=transaction
            )
            return before.model_copy(update=result.fields)
        if newest is None:  # its event could not be told
            raise Conflict("model_without_version", f"model {model!r} has no version")
        edit = edit_record(
            newest,
            result,
            wanted,
            number=None,
            revision=before.revision + 1,
            sequence=before.sequence + 1,
            at=await database.now(),
        )
        await change_models(database, [ModelChange(model, events=1)], transaction)
        said = {**result.fields, "revision": edit.revision}
        await database.models.update_one({"_id": model}, {"$set": said}, transaction=transaction)
        await _keep(database, edit, transaction)
        event = edit_event(edit, newest, database.event_source)
        await put_events(database, [event], transaction)
        return before.model_copy(update={**said, "sequence": edit.sequence})

    return await database.transaction(edit_it, turn=model)


async def tell_what_was_said(
    database: Database,
    opened: Sequence[VersionRecord],
    counters: Mapping[str, Counters],
    transaction: Transaction,
) -> None:
    """Tell of models that have their first versions now what was said of them before.

    It becomes their first edit, so that the events alone restore it. `opened` are announced, and
    `counters` those that the transaction has read before.
    """
    newest = {each.model: each for each in opened}
    for model, version in newest.items():
        untold = counters[model].untold
        if untold is None:
            continue
        before, after = changed_entries(ModelDescription().model_dump(), untold.said.model_dump())
        edit = EditRecord(
            model=model,
            number=None,
            version_id=None,
            revision=2,
            at=await database.now(),
            by=untold.by,
            reason="",
            before=before,
            after=after,
            sequence=version.sequence + 1,
        )
        await change_models(database, [ModelChange(model, events=1)], transaction)
        await database.models.update_one(
            {"_id": model}, {"$set": {"revision": edit.revision}}, transaction=transaction
        )
        await _keep(database, edit, transaction)
        event = edit_event(edit, version, database.event_source)
        await put_events(database, [event], transaction)


async def find_made(
    database: Database, wanted: WantedEdit, transaction: Transaction | None = None
) -> EditRecord | UnchangedRecord | None:
    """Return the edit that a request has made before, or what it found as it asks for.

    Raises IdempotencyKeyReused.
    """
    if wanted.key is None:
        return None
    found = await database.edits.find_one({"key": wanted.key}, transaction=transaction)
    if found is None:
        return await find_unchanged(database, wanted.key, wanted.request, transaction)
    made = _read(found)
    require_same(made.request, wanted.request)
    return made


async def list_edits(
    database: Database, place: Place, *, before: int | None, limit: int, max_bytes: int
) -> tuple[list[EditRecord], bool]:
    """Return edits below a revision, the newest first, and whether more follow.

    Up to `limit` of them, and no further one once their JSON is over `max_bytes`.
    """
    query = place.query
    if before is not None:
        query["revision"] = {"$lt": before}
    cursor = database.edits.find(query).sort([("revision", -1)])
    return await bounded_page(cursor, _read, limit=limit, max_bytes=max_bytes)


def edit_document(edit: EditRecord) -> Document:
    """Return the document of an edit."""
    place = Place(edit.model, edit.number)
    return {"_id": place.edit_id(edit.revision), **edit.model_dump()}


async def _keep(database: Database, edit: EditRecord, transaction: Transaction) -> None:
    try:
        await database.edits.insert_one(edit_document(edit), transaction=transaction)
    except DuplicateKey as error:  # the same request made it at this moment
        raise Overtaken(str(error)) from error


async def _keep_unchanged(
    database: Database,
    wanted: WantedEdit,
    number: int | None,
    revision: int,
    transaction: Transaction,
) -> None:
    record = UnchangedRecord(request=wanted.request, number=number, revision=revision)
    await keep_unchanged(database, wanted.key, record, transaction)


def _read(found: Document) -> EditRecord:
    # Its id only repeats what the record says.
    return EditRecord.model_validate({name: found[name] for name in found if name != "_id"})
