"""What the rule of retention comes to for a model's versions, and the deletions that follow."""

from dataclasses import dataclass
from datetime import timedelta

from registry.schemas import EventType
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.deletion import change_version_within
from shared.database.rules import read_effective
from shared.domain import deletion
from shared.domain.records import VersionRecord
from shared.domain.retention import Judged, Judgement, judge, judge_one
from shared.domain.rules import Effective
from shared.runtime.logs import get_logger

log = get_logger(__name__)

_JUDGED: Document = dict.fromkeys(
    ("number", "state", "ready_at", "created_at", "aliases", "tags", "hold"), 1
)
_AT_ONCE = 500
"""Versions of one answer of the server."""
RULE = "rule"
"""Kind of the principal that deletes by a rule: `rule:<scope>`."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What becomes of each version of a model that is not deleted, the newest first."""

    applied: Effective
    judgements: list[Judgement]


async def evaluate(database: Database, model: str) -> Evaluation:
    """Judge every version of a model that is not deleted; changes nothing.

    Raises DatabaseUnavailable.
    """
    applied = await read_effective(database, model)
    query: Document = {"model": model, "state": {"$ne": "deleted"}}
    cursor = database.versions.find(query, _JUDGED).sort([("number", -1)])
    versions = [_judged(found) async for found in cursor.in_batches_of(_AT_ONCE)]
    judgements = judge(versions, applied.rules.retention, await database.now())
    return Evaluation(applied, judgements)


async def remove(
    database: Database, model: str, number: int, *, retention: timedelta
) -> VersionRecord | None:
    """Delete a version that the rule removes; None where something keeps it by now.

    It is judged anew: the rule, its state, aliases, tags and hold, and which newer versions are
    ready. It can be restored like any other. Raises DatabaseUnavailable.
    """
    now = await database.now()
    newer: Document = {"model": model, "number": {"$gt": number}, "state": "ready"}

    async def decide(found: VersionRecord, transaction: Transaction) -> VersionRecord | None:
        applied = await read_effective(database, model, transaction)
        if found.state != "ready" or (rule := applied.rules.retention) is None:
            return None
        place = await database.versions.count_documents(newer, transaction=transaction) + 1
        judged = judge_one(_judged(found.model_dump()), rule, now, place)
        if judged.outcome == "kept":
            return None
        by = f"{RULE}:{applied.source('retention')}"
        reason = "; ".join(why.detail for why in judged.why)
        return deletion.delete(found, by=by, reason=reason, at=now, retention=retention)

    found = await database.versions.find_one({"model": model, "number": number}, {"_id": 1})
    if found is None:
        return None
    event: EventType = "registry.version.deleted.v1"
    after = await change_version_within(database, model, found["_id"], decide, event)
    if after is None or after.deletion is None or not after.deletion.by.startswith(f"{RULE}:"):
        return None
    fields = {"model": model, "version": after.number, "version_id": after.id}
    log.info("version deleted by rule", by=after.deletion.by, **fields)
    return after


def _judged(found: Document) -> Judged:
    return Judged(
        number=found["number"],
        state=found["state"],
        ready_at=found.get("ready_at"),
        created_at=found["created_at"],
        aliases=found.get("aliases", ()),
        tags=found.get("tags"),
        is_held=found.get("hold") is not None,
    )
