"""Events that are recorded with the state they tell of, and wait to be published."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.schemas import ModelEvent
from shared.database.client import Database, Document, Session


@dataclass(frozen=True, slots=True)
class PendingEvent:
    """An event in the outbox."""

    id: str
    model: str
    sequence: int
    body: bytes
    """CloudEvents structured JSON."""


class Outbox:
    """The outbox; every method raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self, limit: int) -> list[PendingEvent]:
        """Return up to `limit` events in order of model and sequence, without a gap in any model.

        Read as one snapshot: a plain scan could pass a model's place before event n is there and
        still meet n + 1.
        """

        async def read(session: Session) -> list[Document]:
            cursor = self._database.outbox.find(session=session)
            return await cursor.sort([("model", 1), ("sequence", 1)]).limit(limit).to_list(limit)

        return [
            PendingEvent(found["_id"], found["model"], found["sequence"], found["body"].encode())
            for found in await self._database.transaction(read)
        ]

    async def remove(self, event_ids: Sequence[str]) -> None:
        """Forget events that were published."""

        async def delete(session: Session) -> None:
            await self._database.outbox.delete_many(
                {"_id": {"$in": list(event_ids)}}, session=session
            )

        # In a transaction the events share one commit, and with it one sync to the disk.
        await self._database.transaction(delete)


def outbox_document(event: ModelEvent) -> Document:
    """Return the event as the outbox keeps it."""
    return {
        "_id": event.id,
        "model": event.data.model,
        "sequence": event.sequence,
        "body": event.model_dump_json(exclude_none=True),
    }
