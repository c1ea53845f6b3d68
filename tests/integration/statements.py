"""What is asked of the collections, and by which index each statement finds its documents."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shared.database.client import Database
from shared.database.collection import Collection
from shared.database.indexes import wanted_indexes

HOME = Path(__file__).parents[2] / "shared" / "database"
STATEMENTS = (
    *("find", "find_one", "count_documents", "update_one", "replace_one", "delete_one"),
    "bulk_write",
)
"""Methods of a collection that look for documents."""
Place = tuple[str, int]


@dataclass
class Statements:
    """What was asked of the collections, and from which lines."""

    queries: dict[str, tuple[Collection, Mapping[str, Any]]] = field(
        default_factory=dict[str, tuple[Collection, Mapping[str, Any]]]
    )
    places: set[Place] = field(default_factory=set[Place])

    def add(self, place: Place, collection: Collection, method: str, *arguments: Any) -> None:
        self.places.add(place)
        asked: Any = arguments[0] if arguments else {}
        queries: list[Mapping[str, Any]] = [asked or {}]
        if method == "bulk_write":
            queries = list(_filters(asked))
        for query in queries:
            shape = f"{collection.name}.{method} {_shape(query)}"
            self.queries[shape] = (collection, query)


def _filters(changes: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for change in changes:
        yield change._filter  # the driver's own: it has no public name


def _shape(query: Mapping[str, Any]) -> str:
    """The query without its values."""
    return str({name: _operators(value) for name, value in query.items()})


def _operators(value: Any) -> str | list[str]:
    return sorted(value) if isinstance(value, dict) else "="  # pyright: ignore[reportUnknownArgumentType]


def places_in_the_source() -> dict[Place, range]:
    """Every line that makes a statement, with all the lines it goes over."""
    found: dict[Place, range] = {}
    for path in HOME.rglob("*.py"):
        if path.name == "collection.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in STATEMENTS
                and ast.unparse(node.func.value) != "self"  # a repository's own method
            ):
                last = node.end_lineno or node.lineno
                place = (str(path.relative_to(HOME)), node.lineno)
                found[place] = range(node.lineno, last + 1)
    return found


def texts_of_the_source() -> list[str]:
    return [path.read_text("utf-8") for path in HOME.rglob("*.py")]


def scanning(recorded: Statements) -> list[str]:
    """The statements for which there is no index: MongoDB needs one that their filter begins."""
    return [
        shape
        for shape, (collection, query) in recorded.queries.items()
        if not _has_an_index(query, first_fields(collection.name))
    ]


def _has_an_index(query: Mapping[str, Any], firsts: Sequence[str]) -> bool:
    """Whether the filter begins an index, or each of its alternatives does."""
    if any(first in query for first in firsts):
        return True
    alternatives: list[Mapping[str, Any]] = query.get("$or", [])
    return bool(alternatives) and all(_has_an_index(each, firsts) for each in alternatives)


def first_fields(collection: str) -> list[str]:
    """The fields with which the indexes of a collection begin."""
    indexes = wanted_indexes().get(collection, ())
    return ["_id", *(next(iter(index.document["key"])) for index in indexes)]


async def scanned_by_the_server(recorded: Statements) -> list[str]:
    """The statements for which the server says that it reads a whole collection.

    It looks for the documents of a write as it does for those of a query.
    """
    found: list[str] = []
    for shape, (collection, query) in recorded.queries.items():
        plan = await collection.driver.find(query).explain()
        if "COLLSCAN" in str(plan["queryPlanner"]["winningPlan"]):
            found.append(shape)
    return found


async def tells_its_plans(database: Database) -> bool:
    """Whether the server is MongoDB: what stands for it is always of one replica set."""
    hello = await database.models.driver.database.client.admin.command("hello")
    return hello.get("setName") != "secantus"


def record_statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Record each statement from here on, with the line that makes it."""
    recorded = Statements()

    def recording(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(self: Collection, *arguments: Any, **options: Any) -> Any:
            caller = inspect.currentframe()
            assert caller is not None
            assert caller.f_back is not None
            frame = caller.f_back
            place = (str(Path(frame.f_code.co_filename).relative_to(HOME)), frame.f_lineno)
            recorded.add(place, self, name, *arguments)
            return original(self, *arguments, **options)

        return wrapped

    for name in STATEMENTS:
        monkeypatch.setattr(Collection, name, recording(name, getattr(Collection, name)))
    return recorded
