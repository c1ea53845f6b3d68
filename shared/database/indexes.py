"""Indexes. A start verifies them, and builds what is missing where that takes no time.

On large collections building belongs to an operator: it takes long, and every service would try it
at once (`python -m services.admin migrate`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import OperationFailure

from shared.database.client import Database, limit_operations
from shared.database.collection import Collection
from shared.database.errors import told_errors
from shared.database.webhooks.indexes import webhook_indexes
from shared.domain.errors import Unavailable

SMALL_COLLECTION = 100_000
"""Up to so many documents a start builds the indexes of a collection by itself."""
START_BUILD_SECONDS = 120.0
"""How long that may take: longer than an operation may, which an index must not be cut by."""
MIGRATION_SECONDS = 7 * 24 * 3600.0
"""How long an operator's building may take."""
WAITS_FOR = "indexes (run: python -m services.admin migrate)"
"""What a service's readiness says while a large collection lacks indexes."""


class IndexesMissing(Unavailable):
    """A large collection lacks indexes; an operator has to build them."""

    waits_for = WAITS_FOR

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__("indexes_missing", f"missing: {', '.join(missing)}; {WAITS_FOR}")


def wanted_indexes() -> Mapping[str, list[IndexModel]]:
    """Return the indexes that the registry's statements rely on, by collection."""
    return {
        "versions": [
            IndexModel([("model", ASCENDING), ("number", DESCENDING)], unique=True),
            # What changed of a model since one of its events: how search catches up.
            IndexModel([("model", ASCENDING), ("sequence", ASCENDING)]),
            # One key belongs to one version, in whatever bucket: it names model and number.
            IndexModel([("artifacts.key", ASCENDING)], unique=True),
            # An alias points at one version; those without any are not in it.
            IndexModel(
                [("model", ASCENDING), ("aliases", ASCENDING)],
                unique=True,
                partialFilterExpression={"aliases": {"$gt": ""}},
            ),
            # Verified bytes by digest, so that nobody has to send them again, and by size, so that
            # nobody hashes in vain. Not one index of both: of arrays MongoDB bounds the first only.
            IndexModel(
                [("artifacts.sha256", ASCENDING)],
                partialFilterExpression={"artifacts.sha256_state": "verified"},
            ),
            IndexModel(
                [("artifacts.size_bytes", ASCENDING)],
                partialFilterExpression={"artifacts.sha256_state": "verified"},
            ),
            # Those whose bytes lie under keys of others; most have none, and are not in it.
            IndexModel(
                [("artifacts.location", ASCENDING)],
                partialFilterExpression={"artifacts.location": {"$gt": ""}},
            ),
            # The queue of those that need work; most have none, and are not in it.
            IndexModel([("work.kind", ASCENDING), ("work.due_at", ASCENDING)], sparse=True),
            # Uploads that are under way, by when they are over; all others are not in it.
            IndexModel(
                [("session.state", ASCENDING), ("session.expires_at", ASCENDING)],
                partialFilterExpression={"session.state": "open"},
            ),
            # What operators are shown of purges; what was not purged is not in it.
            IndexModel(
                [("deletion.purged_at", DESCENDING), ("_id", DESCENDING)],
                partialFilterExpression={"deletion.purged_at": {"$type": "date"}},
            ),
        ],
        "aliases": [
            # Those that point somewhere: a model may have had any number of others.
            IndexModel(
                [("model", ASCENDING), ("alias", ASCENDING)],
                name="pointing",
                partialFilterExpression={"to_number": {"$gt": 0}},
            )
        ],
        "alias_history": [
            IndexModel([("model", ASCENDING), ("alias", ASCENDING), ("revision", DESCENDING)]),
            IndexModel([("model", ASCENDING), ("alias", ASCENDING), ("at", DESCENDING)]),
            # A request that is sent again finds the move that it made.
            IndexModel(
                [("key", ASCENDING)], unique=True, partialFilterExpression={"key": {"$gt": ""}}
            ),
        ],
        "edits": [
            # Of a version, or with `number` null of its model.
            IndexModel([("model", ASCENDING), ("number", ASCENDING), ("revision", DESCENDING)]),
            # A request that is sent again finds the edit that it made.
            IndexModel(
                [("key", ASCENDING)], unique=True, partialFilterExpression={"key": {"$gt": ""}}
            ),
        ],
        "alias_proposals": [
            IndexModel([("model", ASCENDING), ("alias", ASCENDING), ("sequence", DESCENDING)]),
            # Those of an alias that wait.
            IndexModel(
                [("model", ASCENDING), ("alias", ASCENDING), ("expires_at", ASCENDING)],
                partialFilterExpression={"state": "open"},
            ),
            # A request that is sent again finds the proposal that it made.
            IndexModel(
                [("key", ASCENDING)], unique=True, partialFilterExpression={"key": {"$gt": ""}}
            ),
        ],
        # Each is forgotten when it says.
        "unchanged": [IndexModel([("forget_at", ASCENDING)], expireAfterSeconds=0)],
        "edges": [
            # The children of a version; and its parents, beside its own document.
            IndexModel([("parent_id", ASCENDING), ("_id", ASCENDING)]),
            IndexModel([("child_id", ASCENDING)]),
        ],
        "handles": [
            # Ids that uploaders chose, whoever's; labels and keys are not in it.
            IndexModel(
                [("client_id", ASCENDING), ("is_ready", DESCENDING), ("at", DESCENDING)],
                sparse=True,
            ),
        ],
        "staged": [
            # What a commit may have, and what is over.
            IndexModel([("model", ASCENDING), ("sha256", ASCENDING)]),
            IndexModel([("expires_at", ASCENDING)]),
            # Whether a multipart upload is one of them.
            IndexModel([("key", ASCENDING)], unique=True),
        ],
        "tokens": [IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)])],
        "browser_sessions": [
            IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0),
            # Those of one principal, of which there may be so many.
            IndexModel([("principal", ASCENDING), ("created_at", DESCENDING)]),
        ],
        "audit": [
            # The one by which entries are forgotten is made by `audit.keep_retention`.
            IndexModel([("at", DESCENDING), ("_id", DESCENDING)]),
            IndexModel([("model", ASCENDING), ("at", DESCENDING)]),
            IndexModel([("principal", ASCENDING), ("at", DESCENDING)]),
            # What was done to one version.
            IndexModel([("subject", ASCENDING), ("at", DESCENDING)]),
        ],
        "outbox": [
            IndexModel(
                [("lane", ASCENDING), ("model", ASCENDING), ("sequence", ASCENDING)], unique=True
            ),
            # How long the oldest one waits: readiness asks at each look.
            IndexModel([("recorded_at", ASCENDING)]),
        ],
        "strays": [
            IndexModel([("last_seen_at", ASCENDING)]),
            IndexModel([("quarantined_at", ASCENDING), ("first_seen_at", ASCENDING)]),
        ],
        # The queue; those that were given up are not due, and not in it.
        "found_folders": [IndexModel([("due_at", ASCENDING)], sparse=True)],
        **webhook_indexes(),
    }


async def verify_indexes(database: Database) -> None:
    """Return once every index is there; those of small collections are built.

    Raises IndexesMissing and DatabaseUnavailable.
    """
    lacking: list[str] = []
    for name, indexes in wanted_indexes().items():
        collection = _collection(database, name)
        missing = await _missing(collection, indexes)
        if not missing:
            continue
        with told_errors():
            size = await collection.driver.estimated_document_count()
        if size < SMALL_COLLECTION:
            refused = await _build(collection, list(missing.values()))
            lacking += [f"{name}: {refused}"] if refused else []
        else:
            lacking += [f"{name}.{index}" for index in missing]
    if lacking:
        raise IndexesMissing(lacking)


async def build_indexes(database: Database) -> tuple[list[str], list[str]]:
    """Build every index that is missing, however long it takes.

    Returns the names of those that were built and of those that were there. Raises
    DatabaseUnavailable; what was built until then stays.
    """
    built: list[str] = []
    present: list[str] = []
    for name, indexes in wanted_indexes().items():
        collection = _collection(database, name)
        missing = await _missing(collection, indexes)
        for index in indexes:
            full_name = f"{name}.{index.document['name']}"
            if index.document["name"] in missing:
                with limit_operations(MIGRATION_SECONDS):
                    await collection.create_indexes([index])
                built.append(full_name)
            else:
                present.append(full_name)
    return built, present


async def _build(collection: Collection, indexes: Sequence[IndexModel]) -> str:
    """Build the indexes of a small collection; returns why the server will not, if so."""
    try:
        with limit_operations(START_BUILD_SECONDS):
            await collection.create_indexes(indexes)
    except OperationFailure as error:
        return str(error)  # another index has the name, or the documents break the rule
    return ""


def _collection(database: Database, name: str) -> Collection:
    found: Collection = getattr(database, name)
    return found


async def _missing(collection: Collection, indexes: Sequence[IndexModel]) -> dict[str, IndexModel]:
    """Return by name those of the indexes that the collection lacks as they are wanted."""
    with told_errors():
        there = [index async for index in collection.driver.list_indexes()]
    known = {_identity(index) for index in there}
    return {
        index.document["name"]: index for index in indexes if _identity(index.document) not in known
    }


def _identity(index: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        tuple((field, int(order)) for field, order in index["key"].items()),
        bool(index.get("unique")),
        bool(index.get("sparse")),
        json.dumps(index.get("partialFilterExpression", {}), sort_keys=True),
    )
