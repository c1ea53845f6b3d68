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
    # Every name that begins with "risk." lies before "risk/": the slash follows the dot.
    below = [{"$gte": each, "$lt": each[:-1] + "/"} for each in sorted(names.namespaces)]
    alternatives = [{field: each | later} for each in ({"$in": sorted(names.names)}, *below)]
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}
