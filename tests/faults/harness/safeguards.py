"""Safeguards of the services, and how each is taken out: what a test must notice."""

import importlib
from collections.abc import Callable
from typing import Any


def _settled_versions_stay() -> None:
    """Verdicts change a version whatever its state is."""
    transitions: Any = importlib.import_module("shared.domain.transitions")
    transitions.SETTLED = frozenset[str]()


def _fencing_token() -> None:
    """Findings count whoever holds the lease by now."""
    transitions: Any = importlib.import_module("shared.domain.transitions")
    transitions._lease_lost = lambda version, verdict: False  # pyright: ignore[reportUnknownLambdaType]
    work: Any = importlib.import_module("shared.database.work")

    async def set_anyway(database: Any, version_id: str, token: str, fields: Any) -> bool:
        del token
        result = await database.versions.update_one({"_id": version_id}, {"$set": fields})
        return result.matched_count == 1

    work._set = set_anyway


def _unique_keys() -> None:
    """Numbers and object keys are indexed, but not unique."""
    indexes: Any = importlib.import_module("shared.database.indexes")
    original = indexes.IndexModel

    def not_unique(keys: Any, **options: Any) -> Any:
        return original(keys, **{**options, "unique": False})

    indexes.IndexModel = not_unique


def _unique_handles() -> None:
    """An idempotency key, or a label, belongs to whoever comes."""
    handles: Any = importlib.import_module("shared.database.handles")

    async def take_nothing(*_: Any) -> None:
        return

    handles._take = take_nothing


def _folders_held() -> None:
    """A folder is adopted by whoever listed it once."""
    adopter: Any = importlib.import_module("services.indexer.found.adopter")
    adoption: Any = importlib.import_module("services.indexer.found.adoption")

    async def hold_nothing(*_: Any) -> None:
        return

    async def is_held(*_: Any) -> bool:
        return True

    adoption.hold_folders = hold_nothing
    adopter.renew_folders = is_held


def _one_end() -> None:
    """A session is completed whatever became of it."""
    completion: Any = importlib.import_module("services.ingest.uploads.completion")

    async def complete_anyway(database: Any, record: Any, claims: Any) -> bool:
        del claims
        completed = {"$set": {"session.state": "completed"}}
        await database.versions.update_one({"_id": record.id}, completed)
        return True

    completion.complete_session = complete_anyway


SAFEGUARDS: dict[str, Callable[[], None]] = {
    "state": _settled_versions_stay,
    "token": _fencing_token,
    "key": _unique_keys,
    "handle": _unique_handles,
    "end": _one_end,
    "folder": _folders_held,
}
