"""Dead letters as they are read from their topic: what is told of them, and what is sent again."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from shared.database.client import Database
from shared.database.reports import replays_of
from shared.domain.errors import Conflict
from shared.kafka.dead_letters import (
    BASE64,
    KEY_CUT,
    ORIGINAL_HEADER,
    VALUE_CUT,
    text_of,
)
from shared.kafka.topic_reader import RawMessage

MAX_REASON_CHARACTERS = 1000
"""What `DeadLetter` keeps of it; others may write letters, too."""
MAX_TOPIC_CHARACTERS = 249
"""Of a name that Kafka takes."""
_MAX_DIGITS = 19
"""Partitions and offsets have 64 bits at most."""


class Letter(BaseModel):
    """A dead letter in one line."""

    model_config = ConfigDict(frozen=True)

    partition: int
    """Its place in the dead-letter topic, as is `offset`."""
    offset: int
    buried_at: datetime
    reason: str
    original_topic: str | None
    original_partition: int | None
    original_offset: int | None
    value_bytes: int
    truncated: bool
    """Whether it was cut to what Kafka takes, so that it cannot be replayed."""
    replayed_at: datetime | None = None
    """When it was sent to its topic again last."""

    @property
    def id(self) -> str:
        """Name under which a replay is remembered."""
        return f"dead-letter/{self.partition}/{self.offset}"

    @classmethod
    def of(cls, record: RawMessage) -> Self:
        """Read a record of the dead-letter topic, whoever wrote it."""
        headers = _headers(record)
        return cls(
            partition=record.partition,
            offset=record.offset,
            buried_at=_moment(record.timestamp),
            reason=headers.get("reason", "")[:MAX_REASON_CHARACTERS],
            original_topic=_topic(headers.get("original-topic")),
            original_partition=_number(headers.get("original-partition")),
            original_offset=_number(headers.get("original-offset")),
            value_bytes=len(record.value or b""),
            truncated=any(name in headers for name in (VALUE_CUT, KEY_CUT)),
        )


class WholeLetter(Letter):
    """A dead letter with everything that is known of it."""

    traceback: str = ""
    key: str | None = None
    """Text, or "base64:" and what is no text."""
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    """Headers of the original message."""
    value: str = ""
    """Text, or "base64:" and what is no text."""

    @classmethod
    def of(cls, record: RawMessage) -> Self:
        """Read a record of the dead-letter topic, whoever wrote it."""
        headers = _headers(record)
        return cls(
            **Letter.of(record).model_dump(),
            traceback=headers.get("traceback", ""),
            key=text_of(record.key) if record.key is not None else None,
            headers=_original_headers(headers),
            value=text_of(record.value),
        )


async def with_replays(letters: Sequence[Letter], database: Database) -> list[Letter]:
    """Return the letters with when each was replayed last."""
    replays = await replays_of(database, [letter.id for letter in letters])
    return [
        letter.model_copy(update={"replayed_at": replays.get((letter.id, letter.buried_at))})
        for letter in letters
    ]


@dataclass(frozen=True, slots=True)
class Original:
    """The message that a dead letter was made of."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def original_of(record: RawMessage) -> Original:
    """Return the message as it first came.

    Raises Conflict "dead_letter_truncated" where it is not whole any more, or
    "dead_letter_without_topic" where nothing says which topic it came from.
    """
    letter, headers = Letter.of(record), _headers(record)
    place = f"dead letter {letter.partition}/{letter.offset}"
    if letter.truncated:
        detail = f"{place} was cut to what Kafka takes; what is left must not be replayed"
        raise Conflict("dead_letter_truncated", detail)
    if not letter.original_topic:
        detail = f"{place} does not say which topic it came from"
        raise Conflict("dead_letter_without_topic", detail)
    original = _original_headers(headers)
    return Original(
        letter.original_topic,
        record.key,
        record.value or b"",
        tuple((name, _content(text)) for name, text in original.items()),
    )


def _headers(record: RawMessage) -> dict[str, str]:
    return {name: text_of(content) for name, content in record.headers}


def _original_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(ORIGINAL_HEADER): text
        for name, text in headers.items()
        if name.startswith(ORIGINAL_HEADER)
    }


def _content(text: str) -> bytes:
    """Undo `text_of`; a text that only looks like it stays as it is."""
    if text.startswith(BASE64):
        try:
            return base64.b64decode(text.removeprefix(BASE64), validate=True)
        except binascii.Error:
            pass
    return text.encode()


def _topic(text: str | None) -> str | None:
    return text if text is not None and len(text) <= MAX_TOPIC_CHARACTERS else None


def _number(text: str | None) -> int | None:
    is_one = text is not None and text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    return int(text) if text is not None and is_one else None


def _moment(milliseconds: int) -> datetime:
    """Return the time of a record; one that there is not is taken for the beginning of time."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
