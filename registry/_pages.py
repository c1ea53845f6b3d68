"""Lists that a service answers page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from registry.errors import ProtocolError

PAGE_ITEMS = 100
Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class Page(Protocol[Item_co]):
    """A page of a list."""

    @property
    def items(self) -> Sequence[Item_co]:
        """What is on it."""
        ...

    @property
    def next_cursor(self) -> str | None:
        """What the next page is asked for with; None on the last."""
        ...


async def each_item(
    ask: Callable[[str | None, int], Awaitable[Page[Item]]],
) -> AsyncIterator[Item]:
    """Yield what is on all pages; `ask` is given a page's cursor and how many items it may have.

    Raises ProtocolError for a page that leads no further.
    """
    cursor: str | None = None
    while True:
        page = await ask(cursor, PAGE_ITEMS)
        for item in page.items:
            yield item
        before, cursor = cursor, page.next_cursor
        if cursor is None:
            return
        if cursor == before or not page.items:
            raise ProtocolError("the registry answers pages that lead no further")
