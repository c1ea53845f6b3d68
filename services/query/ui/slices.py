"""Slices of lists that a page has whole: some items at a time, from an offset in the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Query

T = TypeVar("T")
MAX_OFFSET: Final = 1_000_000
"""More than any version has files or tensors."""
Offset = Annotated[int, Query(ge=0, le=MAX_OFFSET)]


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Some items of a list, and the offsets of those before and behind them."""

    items: Sequence[T]
    first: int
    """Place of the first one, counted from 1."""
    count: int
    """Of the whole list."""
    earlier: int | None
    following: int | None

    @property
    def last(self) -> int:
        """Place of the last one."""
        return self.first + len(self.items) - 1


def slice_of(items: Sequence[T], offset: int, most: int) -> Slice[T]:
    """Return at most so many items from an offset on; behind the end there are none."""
    found, count = items[offset : offset + most], len(items)
    earlier = max(0, min(offset, _last_offset(count, most) + most) - most) if offset else None
    following = offset + most if offset + most < count else None
    return Slice(found, offset + 1, count, earlier, following)


def _last_offset(count: int, most: int) -> int:
    return max(0, count - 1) // most * most
