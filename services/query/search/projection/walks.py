"""Walks over everything: the first load, and the checks that find and mend what is missing."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.query.search.projection.rounds import NOT_HELD, pull, put_models, put_versions
from services.query.search.projection.store import Store
from services.query.search.projection.writing import Writer
from shared.database import catalog
from shared.database.client import Database
from shared.database.collection import Document
from shared.runtime.progress import tell_progress

MODELS_AT_ONCE = 500


@dataclass
class Checked:
    """What a check found."""

    behind: list[str] = field(default_factory=list[str])
    """Models that are held up to an earlier event than they are at, or not at all."""
    mended: int = 0
    """Rows that were missing, that were to be gone, or that said something else."""


async def load(database: Database, store: Store) -> None:
    """Read everything into an empty file; raises DatabaseUnavailable, sqlite3.Error.

    Each model counts as held up to the event that it was at before its versions were read. What
    comes meanwhile is read again, as a round.
    """
    sequences: dict[str, int] = {}
    after: str | None = None
    while models := await catalog.models_after(database, after, MODELS_AT_ONCE):
        after = models[-1]["_id"]
        sequences |= {each["_id"]: each["sequence"] for each in models}
        await store.write(lambda writer, models=models: put_models(writer, models, {}))
        tell_progress()
    async for documents in catalog.every_version(database):
        await store.write(lambda writer, documents=documents: put_versions(writer, documents))
        tell_progress()

    def finish(writer: Writer) -> None:
        with writer.transaction():
            writer.set_applied(sequences)
            writer.set_about("loaded", 1)
        writer.tidy()

    await store.write(finish)


async def compare(database: Database, store: Store, is_known: Callable[[str], bool]) -> Checked:
    """Compare up to which event each model is held with where it is, and mend what is behind.

    `is_known` says whether a model is known to have changed, so that it is about to be read
    anyway. Raises DatabaseUnavailable and sqlite3.Error.
    """
    found = Checked()
    after: str | None = None
    held_names = await store.write(lambda writer: set(writer.all_applied()))
    while models := await catalog.models_after(database, after, MODELS_AT_ONCE):
        after = models[-1]["_id"]
        names = [each["_id"] for each in models]
        held_names.difference_update(names)
        held = await store.write(lambda writer, names=names: writer.applied(names))
        behind = [name for name in _behind(models, held) if not is_known(name)]
        found.behind += behind
        if behind:
            found.mended += (await pull(database, store, (), behind)).written
        tell_progress()
    if held_names:  # those that MongoDB does not have: `pull` forgets them
        found.behind += sorted(held_names)
        await pull(database, store, (), held_names)
    return found


async def check_all(database: Database, store: Store, per_second: float) -> Checked:
    """Read every version again, slowly, and mend the rows that differ from it.

    Raises DatabaseUnavailable and sqlite3.Error.
    """
    found = Checked()
    after: str | None = None
    while models := await catalog.models_after(database, after, MODELS_AT_ONCE):
        after = models[-1]["_id"]
        for model in models:
            await _check_model(database, store, model["_id"], per_second, found)
    await _drop_unused_names(store)
    return found


async def _drop_unused_names(store: Store) -> None:
    """Forget names of entries that edits have left behind: users make as many as they like."""
    after: int | None = 0
    while after is not None:
        after = await store.write(lambda writer, after=after: writer.drop_unused_names(after))
        tell_progress()


async def _check_model(
    database: Database, store: Store, name: str, per_second: float, found: Checked
) -> None:
    keys = await store.write(lambda writer: writer.keys_of("versions", name))
    number = 0
    while documents := await _check_next(database, store, name, number, found):
        number = documents[-1]["number"]
        keys.difference_update(each["_id"] for each in documents)
        tell_progress()
        await asyncio.sleep(len(documents) / per_second)
    # Those that are left are not in MongoDB, or came meanwhile: they are looked at by themselves.
    found.mended += (await pull(database, store, keys, [name])).written


async def _check_next(
    database: Database, store: Store, name: str, number: int, found: Checked
) -> list[Document]:
    async with store.turn:
        documents = await catalog.versions_above(database, name, number)
        found.mended += await store.write(lambda writer: put_versions(writer, documents))
    return documents


def _behind(models: Sequence[Document], held: Mapping[str, int]) -> list[str]:
    return [each["_id"] for each in models if held.get(each["_id"], NOT_HELD) != each["sequence"]]
