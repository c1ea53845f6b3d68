"""Where a reader is in the topic of model events: the id that each event of a stream carries.

It is a vector: of each partition, the offset of the next record. So whoever comes back with it gets
all that came after, over all partitions, from whichever process answers. With it stands which topic
it is of, since a topic that was made again begins to count anew.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

MAX_PARTITIONS = 1000
"""As many as KAFKA_TOPIC_PARTITIONS allows."""
MAX_CHARACTERS = 12_000
"""Of an id: 1,000 partitions, each with an offset of up to 2^55. Of six it has about 40."""
MAX_OFFSET = 2**63 - 1
TOPIC_BYTES = 8
_FORMAT = 1
_CHECK_BYTES = 4


class BadPosition(ValueError):
    """A text is no id of a stream's event."""

    def __init__(self) -> None:
        super().__init__("must be an id that the stream gave, whole and unchanged")


def topic_tag(name: str, topic_id: bytes) -> bytes:
    """Return what positions keep of a topic: enough to tell two apart."""
    return sha256(topic_id + name.encode()).digest()[:TOPIC_BYTES]


@dataclass(frozen=True, slots=True)
class Position:
    """The next offset of each partition of one topic; a partition that it lacks is younger."""

    topic: bytes
    offsets: Mapping[int, int]

    def __str__(self) -> str:
        """Return it as the id of an event: its bytes in base64url, without padding.

        Offsets stand in the order of partitions, from 0 to the highest: one that is not known is
        written as 0, and any other as one more than it is. The last bytes are a checksum.
        """
        count = max(self.offsets, default=-1) + 1
        body = bytearray((_FORMAT,)) + self.topic + _number(count)
        for partition in range(count):
            offset = self.offsets.get(partition)
            body += _number(0 if offset is None else offset + 1)
        body += zlib.crc32(body).to_bytes(_CHECK_BYTES, "big")
        return base64.urlsafe_b64encode(body).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id; raises BadPosition for anything but the text that `str` makes of it."""
        if not 0 < len(text) <= MAX_CHARACTERS:
            raise BadPosition
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            whole = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise BadPosition from None
        body, check = whole[:-_CHECK_BYTES], whole[-_CHECK_BYTES:]
        if not body or body[0] != _FORMAT or zlib.crc32(body).to_bytes(4, "big") != check:
            raise BadPosition
        found = cls(bytes(body[1 : 1 + TOPIC_BYTES]), _offsets(body[1 + TOPIC_BYTES :]))
        if str(found) != text:  # another spelling of the same, which the stream never gives
            raise BadPosition
        return found

    def behind(self, partition: int, offset: int) -> Self:
        """Return the position after a record."""
        return type(self)(self.topic, {**self.offsets, partition: offset + 1})


def _offsets(body: bytes) -> dict[int, int]:
    count, place = _read(body, 0)
    if count > MAX_PARTITIONS:
        raise BadPosition
    found: dict[int, int] = {}
    for partition in range(count):
        value, place = _read(body, place)
        if value:
            found[partition] = value - 1
    if place != len(body):
        raise BadPosition
    return found


def _number(value: int) -> bytes:
    """Write a number in groups of seven bits, the lowest first, each with a bit for "more"."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _read(body: bytes, place: int) -> tuple[int, int]:
    """Read a number; returns it and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(body):
            break
        byte = body[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > MAX_OFFSET:
                break
            return value, place
    raise BadPosition
