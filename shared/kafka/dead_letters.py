"""What could not be handled, as it is kept in the dead-letter topic: the message and its story."""

import base64
import json
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol, Self
from urllib.parse import quote_plus

from shared.kafka.topic_reader import RawMessage

MAX_VALUE_BYTES = 900_000
"""Under Kafka's default limit of 1 MiB for one message, headers included."""
MAX_KEY_BYTES = 1000
BASE64 = "base64:"
ORIGINAL_HEADER = "original-header-"
VALUE_CUT = "truncated-from-bytes"
KEY_CUT = "key-truncated-from-bytes"
"""Headers of a letter that was cut to what Kafka takes."""


class NamedObject(Protocol):
    """What names an object in a bucket."""

    @property
    def key(self) -> str:
        """Its key."""
        ...

    @property
    def object_version(self) -> str | None:
        """Storage's version id; None where none is known."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message for the dead-letter topic; replaying sends its value to `original-topic` again."""

    key: bytes | None
    value: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of_message(cls, record: RawMessage, error: Exception) -> Self:
        """Keep a message with the reason, traceback, origin and headers.

        Key and value are cut to what Kafka takes, and a header says so.
        """
        headers = {
            **_story(error),
            "original-topic": record.topic,
            "original-partition": str(record.partition),
            "original-offset": str(record.offset),
            "original-timestamp-ms": str(record.timestamp),
        }
        for name, content in list(record.headers)[:32]:
            headers[f"{ORIGINAL_HEADER}{name[:100]}"] = text_of(content)[:1000]
        value, key = record.value or b"", record.key or b""
        if len(value) > MAX_VALUE_BYTES:
            headers[VALUE_CUT] = str(len(value))
        if len(key) > MAX_KEY_BYTES:
            headers[KEY_CUT] = str(len(key))
        return cls(key[:MAX_KEY_BYTES] or None, value[:MAX_VALUE_BYTES], headers)

    @classmethod
    def of_work(
        cls, bucket: str, objects: Iterable[NamedObject], topic: str, error: Exception
    ) -> Self:
        """Keep work that failed too often, as bucket events of its objects that bring it back.

        Any one of them does, so that what does not fit into a message is left out.
        """
        records: list[dict[str, object]] = []
        size = 0
        for each in objects:
            records.append(_event_of(bucket, each))
            size += len(json.dumps(records[-1])) + 2
            if size > MAX_VALUE_BYTES // 2:
                break
        value = json.dumps({"Records": records}).encode()
        return cls(None, value, {**_story(error), "original-topic": topic})

    def without_content(self) -> Self:
        """Keep the story alone; a header says how large the value was."""
        headers = {name: text[:200] for name, text in self.headers.items() if name != "traceback"}
        return replace(
            self, key=None, value=b"", headers={VALUE_CUT: str(len(self.value)), **headers}
        )


def _event_of(bucket: str, named: NamedObject) -> dict[str, object]:
    written = {"key": quote_plus(named.key), "versionId": named.object_version or ""}
    return {
        "eventName": "s3:ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": written},
    }


def _story(error: Exception) -> dict[str, str]:
    return {
        "reason": str(error)[:1000] or type(error).__name__,
        "traceback": "".join(traceback.format_exception(error))[-4000:],
    }


def text_of(content: bytes | None) -> str:
    """Return text, or "base64:" and what is no text."""
    if content is None:
        return ""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"{BASE64}{base64.b64encode(content).decode()}"


Bury = Callable[[DeadLetter], Awaitable[None]]
"""Puts a dead letter into its topic; raises Unavailable where Kafka does not confirm."""
