"""Reading what changed from MongoDB, and proving that nothing of a model is missing.

A model's events are numbered without gaps, and each version names its newest one. So the projection
has all of a model up to an event if it has read a version for each number up to there; where one
is missing, all versions behind the last proven event are read, with those that an alias left or
came to. The model's own number is read before them: what comes later is another round's.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from services.query.search.projection.rows import Row, model_row, version_row
from services.query.search.projection.store import Store
from services.query.search.projection.writing import Writer
from shared.database import catalog
from shared.database.client import Database
from shared.database.collection import Document
from shared.domain.records import VersionRecord
from shared.runtime.logs import get_logger

NOT_HELD = -1
"""Below every event: of a model that the projection does not have, everything is read."""

log = get_logger(__name__)


@dataclass
class Applied:
    """What a round did."""

    sequences: dict[str, int] = field(default_factory=dict[str, int])
    """The event up to which each model is held now."""
    gone: set[str] = field(default_factory=set[str])
    """Models that are not there any more."""
    written: int = 0
    """Rows that were not as they are now."""


async def pull(
    database: Database, store: Store, ids: Collection[str], names: Collection[str]
) -> Applied:
    """Have the projection hold these versions and models as they are now.

    Raises DatabaseUnavailable and sqlite3.Error; what was written until then stays, and no model
    counts as held further than it is.
    """
    async with store.turn:
        return await _pull(database, store, ids, names)


async def _pull(
    database: Database, store: Store, ids: Collection[str], names: Collection[str]
) -> Applied:
    documents = await catalog.versions_with_ids(database, ids)
    wanted = {*names, *(each["model"] for each in documents)}
    models = await catalog.models_named(database, wanted)
    lost = set(ids) - {each["_id"] for each in documents}
    held = await store.write(lambda writer: writer.applied(wanted))
    done = Applied(gone=wanted - models.keys())
    done.written += await store.write(lambda writer: put_versions(writer, documents, lost))
    for name, model in models.items():
        before = held.get(name, NOT_HELD)
        if model["sequence"] < before:  # the records were taken back to an earlier state
            await store.write(lambda writer, name=name: _forget(writer, [name]))
            before = NOT_HELD
        if not _is_covered(documents, name, before, model["sequence"]):
            done.written += await _catch_up(database, store, name, before)
    done.sequences = {name: model["sequence"] for name, model in models.items()}
    done.written += await store.write(
        lambda writer: put_models(writer, models.values(), done.sequences)
    )
    if done.gone:
        await store.write(lambda writer: _forget(writer, done.gone))
    return done


def put_versions(writer: Writer, documents: Iterable[Document], lost: Iterable[str] = ()) -> int:
    """Write versions as MongoDB has them, and take away those that are lost; runs in a thread."""
    rows = {each["_id"]: _row_of(each, _version_row) for each in documents}
    removed = {*lost, *(key for key, row in rows.items() if row is None)}
    with writer.transaction():
        return writer.put("versions", filter(None, rows.values())) + writer.remove(
            "versions", removed
        )


def put_models(writer: Writer, documents: Iterable[Document], sequences: Mapping[str, int]) -> int:
    """Write models, and up to which event each is held; runs in a thread."""
    rows = [_row_of(each, model_row) for each in documents]
    with writer.transaction():
        writer.set_applied(sequences)
        return writer.put("models", filter(None, rows))


def _version_row(document: Document) -> Row | None:
    return version_row(VersionRecord.model_validate(document))


def _row_of(document: Document, make: Callable[[Document], Row | None]) -> Row | None:
    """Return the row of a record; None for one that is not to be found.

    Nor is one that brings out a defect, such as a record of a later release: all others are to be.
    """
    try:
        return make(document)
    except Exception as error:
        log.error("a record cannot be searched", id=document["_id"], exc_info=error)
        return None


async def _catch_up(database: Database, store: Store, name: str, before: int) -> int:
    written = 0
    async for documents in catalog.versions_since(database, name, before):
        written += await store.write(
            lambda writer, documents=documents: put_versions(writer, documents)
        )
    moved = await catalog.moved_aliases(database, name, before)
    if moved:
        numbers = await store.write(lambda writer: writer.numbers_with(name, moved))
        numbers |= {number for number in moved.values() if number is not None}
        documents = await catalog.versions_numbered(database, name, numbers)
        written += await store.write(lambda writer: put_versions(writer, documents))
    return written


def _is_covered(documents: Iterable[Document], name: str, before: int, sequence: int) -> bool:
    """Whether these versions tell of each event of the model from behind one up to another."""
    if before == NOT_HELD:
        before = 0  # an event's number is 1 at least; without any, there is nothing to read
    told = {each["sequence"] for each in documents if each["model"] == name}
    return sequence - before <= len(told) and told.issuperset(range(before + 1, sequence + 1))


def _forget(writer: Writer, names: Iterable[str]) -> None:
    with writer.transaction():
        for name in names:
            writer.forget(name)
