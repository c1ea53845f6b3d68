"""Entries of the audit: each change before it is made, with its end, and each refusal.

Nothing in one is a secret: no token, no signed URL, and of an upload the id of its version alone.
Each text has a bound and is printable, whatever was asked.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from shared.domain.errors import Forbidden, RegistryError, Unauthenticated
from shared.domain.records import Record

MAX_CHARACTERS = 256
"""Characters of each text of an entry."""
ALLOWED = "allowed"
"""Outcome of a change that began: what became of it is not known, or not yet."""
DONE = "done"
NOT_KEPT = "refusals_not_kept"
"""Outcome of the entry that stands for refusals which were too many to be kept, by their count."""


class Change(StrEnum):
    """What changes something; refusals have the Action that was refused."""

    OPEN_UPLOAD = "upload.open"
    STAGE_BYTES = "upload.stage"
    COMMIT = "version.commit"
    REUSE_BYTES = "upload.reuse"
    COMPLETE_UPLOAD = "upload.complete"
    ABORT_UPLOAD = "upload.abort"
    MAKE_STORAGE_GROUP = "storage_group.make"
    MOVE_ALIAS = "alias.move"
    ARCHIVE = "version.archive"
    UNARCHIVE = "version.unarchive"
    HOLD = "version.hold"
    RELEASE = "version.release"
    DELETE = "version.delete"
    RESTORE = "version.restore"
    COPY = "version.copy"
    EDIT_VERSION = "version.edit"
    EDIT_MODEL = "model.edit"
    MAKE_MODEL = "model.make"
    PROPOSE_ALIAS = "alias.propose"
    APPROVE_ALIAS = "alias.approve"
    WITHDRAW_ALIAS = "alias.withdraw"
    APPLY_RETENTION = "rules.apply_retention"
    SET_RULES = "rules.set"
    REMOVE_RULES = "rules.remove"
    CHANGE_LINEAGE = "lineage.change"
    MAKE_WEBHOOK = "webhook.make"
    CHANGE_WEBHOOK = "webhook.change"
    REMOVE_WEBHOOK = "webhook.remove"
    PAUSE_WEBHOOK = "webhook.pause"
    RESUME_WEBHOOK = "webhook.resume"
    ROTATE_WEBHOOK = "webhook.rotate"
    REPLAY_WEBHOOK = "webhook.replay"
    TEST_WEBHOOK = "webhook.test"
    DISABLE_WEBHOOK = "webhook.disable"
    MAKE_TOKEN = "token.make"  # noqa: S105 - a name
    REVOKE_TOKEN = "token.revoke"  # noqa: S105 - a name
    SIGN_IN = "session.begin"
    SIGN_OUT = "session.end"


class AuditRecord(Record):
    """One entry."""

    id: str = Field(validation_alias="_id", serialization_alias="_id")
    at: datetime
    principal: str
    action: str
    model: str
    subject: str
    """What else it was about: `version:ID`, `token:ID`, `storage_group:BUCKET`, `alias:NAME`,
    `rules:SCOPE`, `webhook:ID`."""
    address: str
    request_id: str
    outcome: str
    """Of a change: allowed, done, or the code of the error that ended it. Of a refusal:
    unauthenticated, forbidden, or hidden."""
    ended_at: datetime | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class ChangeEnd:
    """What became of a change."""

    outcome: str
    at: datetime
    subject: str = ""
    """What it made; empty: what the entry has."""


def refusal_outcome(error: RegistryError) -> str:
    """Return the outcome of a refusal: why, or that it was answered as if nothing were there."""
    if isinstance(error, Unauthenticated):
        return "unauthenticated"
    return "forbidden" if isinstance(error, Forbidden) else "hidden"


def bounded(text: str) -> str:
    """Return the beginning of a text, with a sign in place of each character that none can see.

    Whoever asks chooses some of these texts, and they are read at a terminal.
    """
    begin = text[:MAX_CHARACTERS]
    if begin.isprintable():
        return begin
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in begin)
