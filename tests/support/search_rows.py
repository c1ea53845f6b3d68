"""Rows of search's copy, for tests without a database."""

from services.query.search.projection.rows import Row
from shared.domain.names import namespace_of


def registered(name: str) -> Row:
    """A model of one version, with a tag."""
    columns: dict[str, str | int | None] = {
        "model": name,
        "namespace": namespace_of(name),
        "versions": 1,
        "latest": 1,
        "created_at": 1,
    }
    return Row(name, columns, [("tags.team", 0, "risk")], (name, None, ""), "{}")
