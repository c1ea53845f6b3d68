"""Versions are opened: one by an upload session, or many together for found objects."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.database.announcing import VersionChange, announce
from shared.database.client import Database
from shared.database.collection import Transaction
from shared.database.edits import tell_what_was_said
from shared.database.errors import DatabaseContended
from shared.database.handles import take_handles
from shared.database.lineage import insert_edges
from shared.database.models import read_counters
from shared.database.references import count_references
from shared.domain.errors import Conflict
from shared.domain.numbering import give_numbers
from shared.domain.records import VersionRecord
from shared.domain.transitions import with_number_and_keys
from shared.runtime.telemetry.tracing import current_trace

CONFLICTS_TOGETHER = 2
"""After so many conflicts, versions are opened in two halves."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A version to be opened."""

    draft: VersionRecord
    number: int | None = None
    """None: the next one of its model."""
    above: int = 0
    """The next one is higher than this."""


Hold = Callable[[Sequence[Wish], Transaction], Awaitable[None]]
"""Makes the transaction depend on what allows to open these; raises what ends it."""


async def open_version(
    database: Database, draft: VersionRecord, *, number: int | None = None
) -> VersionRecord:
    """Record a version and its created event; allocates its number unless one is asked for.

    The draft's artifacts carry paths; their keys are completed here. Raises Conflict with code
    "version_exists" or "idempotency_key_taken", BlobGone where bytes that the draft refers to are
    being removed, DatabaseContended and DatabaseUnavailable.
    """
    [opened] = await _open_together(database, [Wish(draft, number)], hold=None)
    return opened


async def open_versions(
    database: Database, wishes: Sequence[Wish], *, hold: Hold
) -> list[VersionRecord | Conflict]:
    """Record versions and their created events; returns each, or why it cannot be, in order.

    Where others are at work on the same models, or one meets a conflict, halves are opened on
    their own. Raises DatabaseContended, DatabaseUnavailable and what `hold` raises; what was opened
    until then stays.
    """
    opened: dict[str, VersionRecord | Conflict] = {}
    waiting = deque([list(wishes)] if wishes else [])
    while waiting:
        batch = waiting.popleft()
        try:
            for record in await _open_together(database, batch, hold):
                opened[record.id] = record
        except (Conflict, DatabaseContended) as error:
            if len(batch) > 1:
                half = len(batch) // 2
                waiting.extendleft([batch[half:], batch[:half]])
            elif isinstance(error, Conflict):
                opened[batch[0].draft.id] = error
            else:
                raise
    return [opened[wish.draft.id] for wish in wishes]


async def _open_together(
    database: Database, batch: Sequence[Wish], hold: Hold | None
) -> list[VersionRecord]:
    models = list({wish.draft.model: None for wish in batch})
    trace = current_trace()

    async def open_them(transaction: Transaction) -> list[VersionRecord]:
        if hold is not None:
            await hold(batch, transaction)
        counters = await read_counters(database, models, transaction)
        highest = {name: each.next_number for name, each in counters.items()}
        for wish in batch:
            highest[wish.draft.model] = max(highest[wish.draft.model], wish.above)
        numbers = give_numbers([(wish.draft.model, wish.number) for wish in batch], highest)
        changes: list[VersionChange] = []
        for wish, number in zip(batch, numbers, strict=True):
            record = with_number_and_keys(wish.draft, number)
            if trace is not None:  # what storage tells of its files belongs to it as well
                record = record.model_copy(update={"trace": trace})
            await take_handles(database, record, transaction)
            created = "registry.version.created.v1"
            changes.append(VersionChange(None, record, created, is_counted=True))
        opened = await announce(database, changes, counters, transaction)
        await tell_what_was_said(database, opened, counters, transaction)
        await insert_edges(database, opened, transaction)
        await count_references(database, [], opened, transaction)
        return opened

    # In turns where it is one model: every version of a model counts its document on, and would
    # conflict with the others.
    return await database.transaction(
        open_them,
        tries=CONFLICTS_TOGETHER if len(batch) > 1 else None,
        turn=models[0] if len(models) == 1 else None,
    )
