"""Versions as ingest drafts them."""

from datetime import timedelta
from typing import Any

from registry.schemas.links import Link, Relation
from shared.database.client import Database
from shared.database.outbox import Outbox, PendingEvent, lane_of
from shared.domain.records import SessionRecord, VersionRecord, WorkRecord, new_id, utc_now
from shared.domain.staging import StagedRecord, staged_key
from shared.domain.transitions import Verdict
from tests.support.records import SHA256, artifact, version

OWNER = "administrator"
"""The principal that opens uploads here."""


def draft(model: str, *paths: str, key: str | None = None, **fields: Any) -> VersionRecord:
    """A version of these files that has no number yet."""
    return version(
        *(artifact(path, key="") for path in paths or ("model.bin",)),
        id=new_id(),
        model=model,
        number=0,
        session=SessionRecord(
            expires_at=utc_now() + timedelta(hours=1),
            idempotency_key=key,
            request_digest="d",
            owner=OWNER,
            secret=new_id(),
        ),
        **fields,
    )


def staged(model: str, **fields: Any) -> StagedRecord:
    """Bytes that were sent, and wait for a commit."""
    staged_id, now = new_id(), utc_now()
    told: dict[str, Any] = {
        "id": staged_id,
        "model": model,
        "bucket": "models",
        "key": staged_key(model, staged_id, SHA256),
        "sha256": SHA256,
        "size_bytes": 5,
        "part_size_bytes": 5,
        "part_count": 1,
        "owner": OWNER,
        "secret_sha256": SHA256,
        "created_at": now,
        "expires_at": now + timedelta(hours=1),
        "state": "sent",
    }
    return StagedRecord.model_validate(told | fields)


def to_be_read(model: str) -> VersionRecord:
    """A version that is due for a full read, and that has no number yet."""
    long_due = WorkRecord(kind="verify", due_at=utc_now() - timedelta(minutes=1))
    return draft(model, state="verifying", work=long_due)


def verified(record: VersionRecord, index: int = 0, **fields: Any) -> Verdict:
    """The verdict that one artifact is good."""
    good = {"state": "verified", "etag": "e", "sha256": SHA256, "sha256_state": "verified"}
    found = record.artifacts[index].model_copy(update=good)
    return Verdict(record.id, index, found, **fields)


def parent_link(parent: VersionRecord, relation: Relation = "derived") -> Link:
    """The link of a version that was made from this one."""
    return Link(
        id=new_id()[:16],
        kind="version",
        relation=relation,
        version_id=parent.id,
        model=parent.model,
        number=parent.number,
        at=utc_now(),
        by=OWNER,
    )


async def pending_events(database: Database, model: str) -> list[PendingEvent]:
    """The model's events in the outbox, in order."""
    pending, _ = await Outbox(database).pending(lane_of(model), 1000)
    return [event for event in pending if event.model == model]


async def sequences(database: Database, model: str) -> list[int]:
    """Sequence numbers of the model's events in the outbox, in order."""
    return [event.sequence for event in await pending_events(database, model)]
