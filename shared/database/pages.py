"""Pages of lists: bounded in bytes, or read from the newest document back."""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from shared.database.collection import Cursor, Document

Item = TypeVar("Item", bound=BaseModel)
AT_ONCE = 32
"""Documents of one round trip: with metadata of at most 256 KiB each, 8 MiB."""

Place = tuple[datetime, str]
"""Where a page ended: the time and the id of its last document."""


def older_than(field: str, place: Place) -> Document:
    """Return the condition for what follows the place, sorted by the time in a field and by id.

    An index is not read by it: that needs a bound on the field which stands alone.
    """
    at, document_id = place
    return {"$or": [{field: {"$lt": at}}, {field: at, "_id": {"$lt": document_id}}]}


def newest_first(field: str) -> list[tuple[str, int]]:
    """Return the order of such a list."""
    return [(field, -1), ("_id", -1)]


async def bounded_page(
    cursor: Cursor, read: Callable[[Document], Item], *, limit: int, max_bytes: int
) -> tuple[list[Item], bool]:
    """Return what the first documents are, and whether more follow.

    Up to `limit` of them, and no further one once their JSON is over `max_bytes`.
    """
    items: list[Item] = []
    size = 0
    found = cursor.limit(limit + 1).in_batches_of(AT_ONCE)
    async with aclosing(aiter(found)) as documents:
        async for document in documents:
            if len(items) == limit or size > max_bytes:
                return items, True
            items.append(read(document))
            size += len(items[-1].model_dump_json())
    return items, False
