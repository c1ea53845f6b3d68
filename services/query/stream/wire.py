"""Records of the topic as they go to readers: Server-Sent Events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from registry.schemas.event_types import EVENT_TYPES
from shared.domain.streams.position import Position
from shared.domain.streams.wanted import Facts

HEARTBEAT = b": heartbeat\n"
END = b"end"
"""Type of the last event of a stream; all others are those of the registry, and have a dot."""
_TYPE = re.compile(r"registry\.[a-z0-9_.]{1,100}")
_OF_NO_MODEL = "registry.namespace."
_DATA = b"\ndata: "
_ENDS_OF_LINES = (b"\n", b"\r")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event as it is sent, but for its id."""

    id: str
    """The event's own, by which repetitions are known; not that of its place."""
    told: Facts
    lines: bytes
    """Its type and data, and the empty line that ends it."""

    @property
    def value(self) -> bytes:
        """The event as JSON."""
        return self.lines.partition(_DATA)[2].rstrip(b"\n")


def read_event(value: bytes | None, source: str) -> StreamEvent | None:
    """Return what a record tells; None for what is no event of a model, or another registry's."""
    try:
        # As UTF-8 and not as what the parser would guess: the bytes are sent as they are.
        found: object = json.loads((value or b"").decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    event = cast("dict[str, Any]", found)
    kind, identity, data = event.get("type"), event.get("id"), event.get("data")
    if event.get("source") != source or not isinstance(kind, str) or not isinstance(identity, str):
        return None
    if kind not in EVENT_TYPES and not _TYPE.fullmatch(kind):
        return None
    if kind.startswith(_OF_NO_MODEL) or not isinstance(data, dict):
        return None
    members = cast("dict[str, Any]", data)
    model = members.get("model")
    if not isinstance(model, str) or value is None:
        return None
    if any(each in value for each in _ENDS_OF_LINES):  # data is one line
        # In ASCII: half of a surrogate pair, which JSON may escape, has no bytes of its own.
        value = json.dumps(event, separators=(",", ":")).encode()
    lines = b"event: %s%s%s\n\n" % (kind.encode(), _DATA, value)
    return StreamEvent(identity, Facts(model, kind, _alias_of(members)), lines)


def _alias_of(data: dict[str, Any]) -> str | None:
    """Return the alias that was moved, or whose move was proposed."""
    for member, name in (("alias", "name"), ("proposal", "alias")):
        found: object = data.get(member)
        if isinstance(found, dict):
            alias: object = cast("dict[str, Any]", found).get(name)
            if isinstance(alias, str):
                return alias
    return None


def with_id(position: str, lines: bytes) -> bytes:
    """Return an event with the id of the place behind it."""
    return b"id: %s\n%s" % (position.encode(), lines)


def beginning(position: Position, retry_ms: int) -> bytes:
    """Return the first lines of a stream: who is cut off before any event can still go on."""
    # An id without data is no event: a browser takes note of it, and calls nobody.
    return b"retry: %d\n: model events\nid: %s\n\n" % (retry_ms, str(position).encode())


def heartbeat(position: str | None) -> bytes:
    """Return a comment, with the place where that has changed without an event for the reader."""
    place = b"" if position is None else b"id: %s\n" % position.encode()
    return HEARTBEAT + place + b"\n"


def ending(reason: str, detail: str, position: str) -> bytes:
    """Return the last event of a stream: why it ends, and where to go on."""
    told = {"reason": reason, "detail": detail, "last_event_id": position}
    data = json.dumps(told, separators=(",", ":")).encode()
    return with_id(position, b"event: %s\ndata: %s\n\n" % (END, data))
