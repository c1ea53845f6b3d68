"""Collections are named in shared/database alone: everybody else calls its functions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.database.client import Database
from shared.database.collection import Collection

ROOT = Path(__file__).parents[4]
HOME = ROOT / "shared" / "database"


class _Client:
    """Hands out databases whose collections are their names."""

    def get_database(self, *_: object, **__: object) -> dict[str, str]:
        return {name: name for name in _WORDS}


_WORDS = (
    *("models", "versions", "part_digests", "handles", "outbox"),
    *("storage_groups", "strays", "found_folders", "leases", "reports"),
    *("tokens", "audit", "aliases", "alias_history", "alias_proposals", "rules", "edits", "edges"),
    "browser_sessions",
    *("unchanged", "staged", "subscriptions", "webhook_secrets", "deliveries", "delivery_queues"),
)


def collections() -> set[str]:
    """Names of the attributes of Database that are collections."""
    database = Database(_Client(), "any", 1.0)  # pyright: ignore[reportArgumentType]
    return {name for name, value in vars(database).items() if isinstance(value, Collection)}


def named(source: str) -> list[str]:
    """Every place where the source takes a collection from a database."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr in collections()
        and ast.unparse(node.value).rpartition(".")[2].lstrip("_") in ("database", "db")
    ]


def sources() -> Iterator[Path]:
    for folder in ("services", "shared"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if HOME not in path.parents:
                yield path


def test_the_collections_are_those_of_this_test() -> None:
    assert collections() == set(_WORDS)


@pytest.mark.parametrize(
    "source",
    [
        "await context.database.strays.update_one({}, {})",
        "groups = database.storage_groups",
        "self._database.versions.find()",
    ],
)
def test_a_collection_that_is_named_is_found(source: str) -> None:
    assert named(source)


def test_motor_is_known_to_the_modules_that_hide_it() -> None:
    """Motor is deprecated: PyMongo's async client takes its place in these."""
    found = {
        path.name
        for path in HOME.rglob("*.py")
        if "import motor" in path.read_text("utf-8") or "from motor" in path.read_text("utf-8")
    }
    assert found == {"client.py", "collection.py", "transactions.py"}


def test_nobody_else_names_a_collection() -> None:
    found = {str(path.relative_to(ROOT)): named(path.read_text("utf-8")) for path in sources()}
    assert {path: places for path, places in found.items() if places} == {}
