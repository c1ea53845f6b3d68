"""Bucket events as storage sends them: MinIO's envelope, or plain S3 `Records`.

Events are hints: lossy, repeated, and unordered between keys. MinIO's top-level `Key` is raw, the
key inside `Records` is form-encoded; the latter is what every S3 store sends, so it is used.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import unquote_plus

from pydantic import BaseModel, BeforeValidator, Field, ValidationError


class PoisonMessage(Exception):
    """Nothing can be made of a message; its text says why."""


@dataclass(frozen=True, slots=True)
class ObjectWritten:
    """An object was written, says an event."""

    bucket: str
    key: str
    object_version: str | None = None
    sequencer: str = ""
    """Orders the events of one key: longer is later, then the greater text."""
    size_bytes: int | None = None
    """None where the event does not tell it."""
    at: datetime | None = None
    """When storage wrote it, by its clock; None where the event does not tell it."""

    @property
    def order(self) -> tuple[int, str]:
        """Sort key among the events of one object key."""
        return len(self.sequencer), self.sequencer


def _decoded(key: object) -> object:
    return unquote_plus(key, errors="strict") if isinstance(key, str) else key


def _size(told: object) -> int | None:
    return told if isinstance(told, int) and 0 <= told < 2**63 else None


def _moment(told: object) -> datetime | None:
    if not isinstance(told, str):
        return None
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class _Bucket(BaseModel):
    name: str = Field(min_length=1)


class _Object(BaseModel):
    key: Annotated[str, BeforeValidator(_decoded)] = Field(min_length=1)
    version_id: str | None = Field(None, alias="versionId")
    sequencer: str = ""
    size: Annotated[int | None, BeforeValidator(_size)] = None
    """Only reported: an event is no worse for not telling it."""


class _S3(BaseModel):
    bucket: _Bucket
    object: _Object


class _Record(BaseModel):
    event_name: str = Field(alias="eventName")
    event_time: Annotated[datetime | None, BeforeValidator(_moment)] = Field(
        None, alias="eventTime"
    )
    """Only measured: an event is no worse for not telling it."""
    s3: _S3


class _Notification(BaseModel):
    records: list[_Record] = Field(alias="Records", max_length=10_000)


class _TestEvent(BaseModel):
    """What S3 sends when notifications are switched on."""

    event: str = Field(alias="Event", pattern="^s3:TestEvent$")


def parse_bucket_event(value: bytes | None) -> list[ObjectWritten]:
    """Read one message; raises PoisonMessage.

    Events that tell of anything but a written object are none of ours and give nothing.
    """
    if not value:
        raise PoisonMessage("the message is empty")
    try:
        notification = _Notification.model_validate_json(value)
    except ValidationError as error:
        if _is_test_event(value):
            return []
        raise PoisonMessage(_explain(error)) from error
    return [
        ObjectWritten(
            record.s3.bucket.name,
            record.s3.object.key,
            record.s3.object.version_id or None,
            record.s3.object.sequencer,
            record.s3.object.size,
            record.event_time,
        )
        for record in notification.records
        if record.event_name.removeprefix("s3:").startswith("ObjectCreated:")
    ]


def _is_test_event(value: bytes) -> bool:
    try:
        _TestEvent.model_validate_json(value)
    except ValidationError:
        return False
    return True


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"no bucket event: {place + ': ' if place else ''}{first['msg']}"
