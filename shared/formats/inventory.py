"""What is inside a file: its tensors counted, and listed where somebody asks for the list.

Parsers tell each tensor as they check it, so that there is one parser of each format. This module
imports nothing that is large, since the process of a check pays for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.formats.costs import TooCostly

MAX_NAME_CHARS: Final = 1024
"""Longest name of a tensor that is listed; those of frameworks have some tens of characters."""
CHARS_OF_ONE: Final = 128
"""A name of so many characters makes its tensor count for two."""
DIMENSIONS_OF_ONE: Final = 8
"""So many dimensions do the same: each costs the memory of a number, and few bytes of a header."""
MAX_DIMENSIONS: Final = 64
"""Dimensions of a tensor that is listed; frameworks have at most 64."""
MAX_DTYPES: Final = 24
"""Names of dtypes that are counted one by one, so that totals are small whatever a file says."""
OTHER: Final = "other"
"""Dtypes beyond those."""


class Tensor(NamedTuple):
    """One tensor, as its file's header has it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """In the order of the file: a GGUF file begins with the innermost dimension."""
    begin: int
    """Where its bytes begin in the file; -1 where they are not in it, or not as they are."""
    size_bytes: int
    """-1: unknown."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The tensors of a file, added up."""

    count: int
    parameters: int | None
    """Elements of all of them; None where they cannot be told."""
    size_bytes: int | None
    """Of all of them; None where the size of one is unknown."""
    dtypes: dict[str, int] = field(default_factory=dict[str, int])
    """How many tensors have each dtype."""


class Inventory:
    """Counts tensors, and with a limit lists them; what it costs is bounded in both cases."""

    def __init__(self, limit: int | None = None) -> None:
        """`limit`: how many tensors are listed at most; None: they are counted only.

        One with a long name or many dimensions counts for several.
        """
        self.is_listed = limit is not None
        self.data_offset = 0
        """Where the data section begins in the file, to which `begin` is relative."""
        self._limit = limit or 0
        self._listed: list[Tensor] = []
        self._cost = 0
        self._count = 0
        self._parameters = 0
        self._size_bytes: int | None = 0
        self._dtypes: dict[str, int] = {}

    def add(
        self,
        name: str | bytes,
        dtype: str,
        shape: Sequence[int],
        elements: int,
        begin: int,
        size_bytes: int | None,
    ) -> None:
        """Tell a tensor; raises TooCostly where it is one too many for the list."""
        self._count += 1
        self._parameters += elements
        if size_bytes is None or self._size_bytes is None:
            self._size_bytes = None
        else:
            self._size_bytes += size_bytes
        counted = dtype if dtype in self._dtypes or len(self._dtypes) < MAX_DTYPES else OTHER
        self._dtypes[counted] = self._dtypes.get(counted, 0) + 1
        if self.is_listed:
            self._cost += 1 + len(name) // CHARS_OF_ONE + len(shape) // DIMENSIONS_OF_ONE
            if self._cost > self._limit:
                raise TooCostly(f"{self._limit} tensors, or very long names or shapes")
            if len(shape) > MAX_DIMENSIONS:
                raise TooCostly(f"{MAX_DIMENSIONS} dimensions of a tensor")
            size = -1 if size_bytes is None else size_bytes
            self._listed.append(Tensor(listed_name(name), dtype, tuple(shape), begin, size))

    def totals(self, *, parameters_known: bool = True) -> Totals:
        """Return what the tensors add up to."""
        parameters = self._parameters if parameters_known else None
        return Totals(
            self._count, _bounded(parameters), _bounded(self._size_bytes), dict(self._dtypes)
        )

    def tensors(self) -> list[Tensor]:
        """Return the list, with offsets from the beginning of the file."""
        shift = self.data_offset
        if not shift:
            return self._listed
        return [t._replace(begin=t.begin + shift) if t.begin >= 0 else t for t in self._listed]


def _bounded(number: int | None) -> int | None:
    """Return a number that 64 bits hold: of data in another file a header may say anything."""
    return number if number is None or number < 2**63 else None


def listed_name(name: str | bytes) -> str:
    """Return a tensor's name as text that can be written as UTF-8; raises TooCostly."""
    if len(name) > MAX_NAME_CHARS:
        raise TooCostly(f"{MAX_NAME_CHARS} characters in a tensor's name")
    raw = name.encode("utf-8", "backslashreplace") if isinstance(name, str) else name
    return raw.decode("utf-8", "backslashreplace")
