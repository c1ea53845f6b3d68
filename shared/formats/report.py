"""What a check answers: a report about a good file, or an error that names the broken rule."""

from dataclasses import dataclass, field
from typing import Final, Protocol

from shared.formats.inventory import Totals

OCTET_STREAM: Final = "application/octet-stream"
"""Media type of a format that has none of its own (RFC 2046, 4.5.1)."""

MAX_TEXT_CHARS: Final = 64
"""Longest text that a report or a reason repeats from a file: it lands in records and events."""


class RangeReader(Protocol):
    """Random access to one stored object; the only way a check reads."""

    @property
    def size_bytes(self) -> int:
        """Size of the whole object."""
        ...

    async def read(self, offset: int, length: int) -> bytes:
        """Give exactly `length` bytes from `offset`, clipped at the end of the object."""
        ...


@dataclass(frozen=True, slots=True)
class FormatReport:
    """The container format of a file whose structure holds together."""

    format: str
    """One of safetensors, zip, pytorch-zip, npz, keras, gguf, onnx, pickle, hdf5, unknown."""
    media_type: str = OCTET_STREAM
    """A registered or documented media type where there is one, else application/octet-stream."""
    details: dict[str, int | str] = field(default_factory=dict[str, int | str])
    """A few small facts of the header, for people and for search."""
    tensors: Totals | None = None
    """Its tensors added up; None where the format has none, or a look at them would cost much."""


class FormatError(Exception):
    """The bytes break a rule of the format that the file claims to have."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        """Stable snake_case name of the broken rule."""
        self.reason = reason
        """One sentence for a person: the field, its offset in the file, and the rule."""


def short_text(raw: str | bytes) -> str:
    """Cut text of a file down to MAX_TEXT_CHARS printable characters."""
    text = raw if isinstance(raw, str) else raw[: 4 * MAX_TEXT_CHARS].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text[:MAX_TEXT_CHARS])
