"""Editing what is said of versions and models: each edit is one transaction with its event."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from registry.schemas import Model, Version
from registry.schemas.edits import Patch
from services.ingest.context import Context
from services.ingest.idempotency import digest_of
from shared.database import edits
from shared.database.naming import find_named
from shared.domain.access.audit import Change
from shared.domain.edits import WantedEdit
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """How an edit is asked for, beside what it changes."""

    caller: Caller
    if_revision: int | None
    reason: str
    idempotency_key: str | None

    def edit(self, patch: Patch, *about: str) -> WantedEdit:
        """Return the edit; `about` is what the request names, as it names it.

        A key is its principal's, and for what it was first used: also where an alias, by which the
        version was named, has moved on since.
        """
        key = None
        if self.idempotency_key is not None:
            key = digest_of(self.caller.principal.id, *about, self.idempotency_key)
        return WantedEdit(
            patch=patch.model_dump(),
            by=self.caller.principal.id,
            reason=self.reason,
            if_revision=self.if_revision,
            key=key,
            request=hashlib.sha256(patch.model_dump_json().encode()).hexdigest() if key else None,
        )


async def edit_version(
    model: str,
    version: str,
    at: datetime | None,
    patch: Patch,
    asked: Asked,
    context: Context,
) -> Version:
    """Edit what is said of a version, by number, label, @alias or "latest".

    With `at`, the one that the alias pointed at then.

    Raises NotFound, Conflict "version_not_editable", PreconditionFailed, InvalidRequest, and
    IdempotencyKeyReused.
    """
    wanted = asked.edit(patch, "version", model, version, str(at))
    if (made := await edits.find_made(context.database, wanted)) is not None:
        version, at = str(made.number), None
    named = await find_named(context.database, model, version, at=at)
    async with asked.caller.audited(Change.EDIT_VERSION, model, f"version:{named.id}"):
        record = await edits.edit_version(context.database, model, named.number, wanted)
    _log("version", model, record.revision, wanted, version=named.number)
    return Version.model_validate(record.model_dump())


async def edit_model(model: str, patch: Patch, asked: Asked, context: Context) -> Model:
    """Edit what is said of a model.

    Raises NotFound, PreconditionFailed, InvalidRequest, and IdempotencyKeyReused.
    """
    wanted = asked.edit(patch, "model", model)
    async with asked.caller.audited(Change.EDIT_MODEL, model):
        found = await edits.edit_model(context.database, model, wanted)
    _log("model", model, found.revision, wanted)
    return found


def _log(
    kind: Literal["version", "model"],
    model: str,
    revision: int,
    wanted: WantedEdit,
    **fields: int,
) -> None:
    log.info(f"{kind} edited", model=model, revision=revision, by=wanted.by, **fields)
