"""What an edit makes of what is said of a version or of a model: pure decisions.

Edits are asked for as JSON merge patches (RFC 7396), and kept as what they changed, before and
after. A merge patch could not lead back everywhere: it has no way to write a null, which uploads
may have among their parameters.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue, ValidationError

from registry.schemas import Edit, EditChange, VersionMetadata
from registry.schemas.base import Schema
from shared.domain.errors import Conflict, InvalidRequest, PreconditionFailed
from shared.domain.records import Record, VersionRecord

Fields = Mapping[str, JsonValue]
"""What is said of a version or of a model, or a part of it."""
MAX_EDIT_BYTES = 640 * 1024
"""What one edit changes, before and after together as JSON: its event must fit into Kafka."""


class EditRecord(Record):
    """One edit as MongoDB keeps it."""

    model: str
    number: int | None
    """None: it is one of the model itself."""
    version_id: str | None
    revision: int
    """The revision that it led to."""
    at: datetime
    by: str
    reason: str = ""
    before: dict[str, JsonValue]
    after: dict[str, JsonValue]
    sequence: int
    """Sequence number of the event that tells of it."""
    key: str | None = None
    """Digest of who asked for it and by which idempotency key."""
    request: str | None = None
    """Digest of what that key was used for."""


@dataclass(frozen=True, slots=True)
class WantedEdit:
    """An edit as somebody asks for it."""

    patch: Fields
    by: str
    reason: str = ""
    if_revision: int | None = None
    """The revision that must be the newest one; None: whichever it is."""
    key: str | None = None
    request: str | None = None
    """As an EditRecord has them."""

    def require_revision(self, told: str, now: int) -> None:
        """Raise PreconditionFailed where `told` is not at the revision that was asked for."""
        if self.if_revision is not None and now != self.if_revision:
            detail = f"{told} is at revision {now}, and not at revision {self.if_revision}"
            raise PreconditionFailed("revision_changed", detail, revision=now)


@dataclass(frozen=True, slots=True)
class EditResult:
    """What an edit comes to."""

    fields: dict[str, JsonValue]
    """All that is said afterwards."""
    before: dict[str, JsonValue]
    after: dict[str, JsonValue]


def merge_patch(target: JsonValue, patch: JsonValue) -> JsonValue:
    """Return what a merge patch makes of a JSON value (RFC 7396, 2)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def apply_patch(now: Fields, patch: Fields, rules: type[Schema]) -> EditResult | None:
    """Return what a merge patch makes of what is said; None where it changes nothing.

    The whole of it is checked by `rules`; raises InvalidRequest with the field and the rule.
    """
    merged = merge_patch(dict(now), dict(patch))
    try:
        fields = rules.model_validate(merged).model_dump()
    except ValidationError as error:
        raise first_broken_rule(error) from None
    before, after = changed_entries(now, fields)
    if not before and not after:
        return None
    if len(_canonical([before, after]).encode()) > MAX_EDIT_BYTES:
        rule = f"must change at most {MAX_EDIT_BYTES} bytes, as they were and as they are to be"
        raise InvalidRequest("body", rule)
    return EditResult(fields, before, after)


def changed_entries(
    before: Fields, after: Fields
) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """Return the fields that differ, as they were and as they are.

    Of fields with named entries, the entries that differ, each with its whole value.
    """
    old: dict[str, JsonValue] = {}
    new: dict[str, JsonValue] = {}
    for name in sorted(before.keys() | after.keys()):
        then, now = before.get(name), after.get(name)
        if is_same(then, now):
            continue
        if isinstance(then, dict) and isinstance(now, dict):
            if lost := _other_entries(then, now):
                old[name] = lost
            if gained := _other_entries(now, then):
                new[name] = gained
        else:
            old[name], new[name] = then, now
    return old, new


def apply_entries(fields: Fields, before: Fields, after: Fields) -> dict[str, JsonValue]:
    """Return the fields with what an edit changed, from what it was to what it became."""
    applied = dict(fields)
    for name in before.keys() | after.keys():
        now = applied.get(name)
        if isinstance(now, dict):
            lost, gained = before.get(name), after.get(name)
            changed = lost if isinstance(lost, dict) else {}
            kept = {entry: value for entry, value in now.items() if entry not in changed}
            applied[name] = kept | (gained if isinstance(gained, dict) else {})
        elif name in after:
            applied[name] = after[name]
    return applied


def is_same(one: JsonValue, other: JsonValue) -> bool:
    """Whether two JSON values are written alike; in Python 1, 1.0 and True are equal."""
    return one is other or (one == other and _canonical(one) == _canonical(other))


def edit_record(
    version: VersionRecord,
    result: EditResult,
    wanted: WantedEdit,
    *,
    number: int | None,
    revision: int,
    sequence: int,
    at: datetime,
) -> EditRecord:
    """Return the edit to be kept: of the version, or without a number of its model."""
    return EditRecord(
        model=version.model,
        number=number,
        version_id=version.id if number is not None else None,
        revision=revision,
        at=at,
        by=wanted.by,
        reason=wanted.reason,
        before=result.before,
        after=result.after,
        sequence=sequence,
        key=wanted.key,
        request=wanted.request,
    )


def metadata_of(version: VersionRecord) -> dict[str, JsonValue]:
    """Return what is said of a version: what can be edited."""
    return version.model_dump(include=set(VersionMetadata.model_fields))


def require_editable(version: VersionRecord) -> None:
    """Raise Conflict where nothing is to be said of the version any more."""
    if version.state in ("rejected", "deleted"):
        detail = f"version {version.number} of model {version.model!r} is {version.state}"
        raise Conflict("version_not_editable", detail, state=version.state)


def first_broken_rule(error: ValidationError) -> InvalidRequest:
    """Return the error of the first field that breaks a rule."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"])) or "body"
    return InvalidRequest(field, first["msg"].removeprefix("Value error, "))


def edit_of(record: EditRecord) -> Edit:
    """Return an edit as users see it."""
    return Edit.model_validate(record.model_dump())


def told_edit(record: EditRecord) -> EditChange:
    """Return an edit as its event tells of it."""
    return EditChange.model_validate(record.model_dump())


def _other_entries(entries: Fields, than: Fields) -> dict[str, JsonValue]:
    return {
        name: value
        for name, value in entries.items()
        if name not in than or not is_same(value, than[name])
    }


def _canonical(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
