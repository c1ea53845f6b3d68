"""How findings change a version: pure decisions, without any I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.schemas import SETTLED, EventType, Reason
from shared.domain.blobs import is_unsent
from shared.domain.object_keys import object_key
from shared.domain.records import ArtifactRecord, VersionRecord, WorkRecord
from shared.domain.sessions import close_session_if_settled
from shared.domain.traces import TraceRecord

EVENT_OF_STATE: Mapping[str, EventType] = {
    "ready": "registry.version.ready.v1",
    "rejected": "registry.version.rejected.v1",
    "missing": "registry.version.missing.v1",
}
"""States that are announced when a version enters them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one artifact."""

    version_id: str
    index: int
    """Place of the artifact in its version."""
    artifact: ArtifactRecord
    """The artifact with the findings; still "pending" when it awaits a worker."""
    reason: Reason | None = None
    """Why the version must be rejected."""
    token: str | None = None
    """Fencing token of the lease under which it was found; None: found without one."""
    trace: TraceRecord | None = None
    """The span in which it was found."""


def with_number_and_keys(draft: VersionRecord, number: int) -> VersionRecord:
    """Return the draft with its number, and with a key for each artifact that has none yet."""
    artifacts = [
        artifact
        if artifact.key
        else artifact.model_copy(update={"key": object_key(draft.model, number, artifact.path)})
        for artifact in draft.artifacts
    ]
    return draft.model_copy(update={"number": number, "artifacts": artifacts})


def apply_verdicts(
    before: VersionRecord, verdicts: Sequence[Verdict], now: datetime
) -> VersionRecord:
    """Return the version after the verdicts, or `before` itself where they change nothing.

    A settled version, a verified artifact and a verdict under a lost lease change nothing, so
    repeats and late workers are harmless. Nor does a reference for a file that is being sent.
    """
    if before.state in SETTLED:
        return before
    artifacts = list(before.artifacts)
    reasons: list[Reason] = []
    work = before.work or _given_up_join(before, now)
    counted = False
    for verdict in verdicts:
        now_is = artifacts[verdict.index]
        if _lease_lost(before, verdict) or now_is.state == "verified":
            continue
        begins_to_refer = verdict.artifact.location != now_is.location
        if begins_to_refer and not is_unsent(now_is):
            continue  # what is sent of it since would be forgotten, and left in storage
        counted = True
        artifacts[verdict.index] = verdict.artifact
        if verdict.token is not None:
            work = None  # it is done
        if verdict.reason is not None:
            reasons.append(verdict.reason)
    nothing_new = artifacts == before.artifacts and not reasons and before.failure is None
    if nothing_new or not counted:
        return before
    change = derive_state(artifacts, reasons, work, now)
    if change["state"] == "ready" and before.ready_at is not None:
        change["ready_at"] = before.ready_at  # it was verified anew after a loss of the database
    after = before.model_copy(update={"artifacts": artifacts, "failure": None, **change})
    return close_session_if_settled(after, now)


def _given_up_join(version: VersionRecord, now: datetime) -> WorkRecord | None:
    """Return the join that failed too often: what was found since begins it anew."""
    given_up = version.failure is not None and version.failure.code == "join_failed"
    return WorkRecord(kind="join", due_at=now) if given_up else None


def _lease_lost(version: VersionRecord, verdict: Verdict) -> bool:
    if verdict.token is None:
        return False
    return version.work is None or version.work.token != verdict.token


def confirmation(artifacts: Sequence[ArtifactRecord], now: datetime) -> WorkRecord | None:
    """Return the work that is left for a ready version: digests that nobody has computed yet."""
    confirmed = all(artifact.sha256_state == "verified" for artifact in artifacts)
    return None if confirmed else WorkRecord(kind="confirm", due_at=now)


def work_after_join(artifacts: Sequence[ArtifactRecord], now: datetime) -> WorkRecord | None:
    """Return the work that the join of an upload's parts held up: to verify, or none."""
    return WorkRecord(kind="verify", due_at=now) if _awaits_worker(artifacts) else None


def _awaits_worker(artifacts: Sequence[ArtifactRecord]) -> bool:
    """Whether an object is there that nobody attested, or whose header is large.

    A file that has the bytes of another one of its version waits once that one is verified.
    """
    verified = {each.key for each in artifacts if each.state == "verified"}
    return any(
        each.state == "pending" and (each.etag or each.location in verified) for each in artifacts
    )


def _is_joined(artifacts: Sequence[ArtifactRecord]) -> bool:
    """Whether every object is there, so that no parts can be left to join."""
    return all(each.state == "verified" or each.etag or each.location for each in artifacts)


def derive_state(
    artifacts: Sequence[ArtifactRecord],
    reasons: list[Reason],
    work: WorkRecord | None,
    now: datetime,
) -> dict[str, Any]:
    """Return what follows from the artifacts: the version's state, and the work that is left."""
    if reasons:
        return {"state": "rejected", "reasons": reasons, "work": None}
    if all(artifact.state == "verified" for artifact in artifacts):
        return {"state": "ready", "ready_at": now, "work": confirmation(artifacts, now)}
    joining = work is not None and work.kind == "join"
    if _awaits_worker(artifacts):
        if joining and _is_joined(artifacts):
            work = None  # whoever joined them has not said so yet: nobody has to wait for it
        return {"state": "verifying", "work": work or WorkRecord(kind="verify", due_at=now)}
    return {"state": "pending", "work": work if joining else None}
