"""What a caller may see, as a condition of a query: pages and counts never show anything else."""

from shared.database.collection import Document
from shared.domain.access.decision import NameFilter


def within(names: NameFilter, field: str) -> Document:
    """Return the condition that a field, which holds a model's name, is one of these names."""
    if names.everything:
        return {}
    alternatives: list[Document] = [{field: {"$in": sorted(names.names)}}]
    for namespace in sorted(names.namespaces):
        # Every name that begins with "risk." lies before "risk/": the slash follows the dot.
        alternatives.append({field: {"$gte": namespace, "$lt": namespace[:-1] + "/"}})
    return alternatives[0] if len(alternatives) == 1 else {"$or": alternatives}
