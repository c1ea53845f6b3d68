"""Pages of lists that are read from the newest document back."""

from datetime import datetime

from shared.database.collection import Document

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
