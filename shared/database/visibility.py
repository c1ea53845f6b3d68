"""What a caller may see, as a condition of a query: pages and counts never show anything else."""

from shared.database.collection import Document
from shared.domain.access.decision import NameFilter


def within(names: NameFilter, field: str, *, after: str | None = None) -> Document:
    """Return the condition that a field, which holds a model's name, is one of these names.

    With `after`, it must also sort after that one.
    """
    later: Document = {} if after is None else {"$gt": after}
    if names.everything:
        return {field: later} if later else {}
    below = [{"$gte": low, "$lt": high} for low, high in names.ranges]
    alternatives = [{field: each | later} for each in ({"$in": sorted(names.names)}, *below)]
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}
