"""Model cards: a version's README.md as HTML in which nothing runs and nothing is loaded."""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from threading import Lock
from typing import Final

import nh3
from cachetools import LRUCache, cached
from markdown_it import MarkdownIt
from markupsafe import Markup

from registry.schemas import Version
from registry.schemas.rules import MODEL_CARD
from services.query.compare.headers import Headers
from shared.domain.errors import TooManyRequests, Unavailable
from shared.storage.connection import StorageMissing, StorageRefused

MAX_CARD_BYTES: Final = 128 * 1024
"""What is read of one; more is cut."""
_HEAD = re.compile(r"\A---\r?\n.*?\r?\n---[ \t]*(\r?\n|\Z)", re.DOTALL)
"""What clients of Hugging Face write before the text, for machines."""
_TAGS: Final = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code"),
    *("ul", "ol", "li", "em", "strong", "del", "a"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
MAX_CARD_SECONDS: Final = 5.0
"""The longest wait for a turn and for storage; then the page is there without the card."""
MAX_CELLS: Final = 50_000
"""Of a card's tables together; a card that could have more shows them as text."""
MAX_REPEATED: Final = 4 * 1024 * 1024
"""Characters that links by reference could come to; a card that could have more has none."""
MAX_MARKS: Final = 20_000
"""Characters that may begin or end a link or an emphasis: each is looked at with those before it,
so that a card with more is shown as text."""
_MARKS: Final = "[]*_`~<!"
_SCHEMES: Final = ("https://", "http://", "mailto:")
KEPT_CHARACTERS: Final = 8 * 1024 * 1024
"""What was rendered, with some for each card: many that are empty must not fill the memory."""
_RENDERED: LRUCache[bytes, Markup] = LRUCache(KEPT_CHARACTERS, getsizeof=lambda it: len(it) + 500)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def _digest(text: str) -> bytes:
    return blake2b(text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Card:
    """A model card, or why it is not shown."""

    html: str = ""
    trouble: str = ""
    is_cut: bool = False


async def read_card(version: Version, headers: Headers) -> Card | None:
    """Return a version's model card; None where it has none, or cannot be read yet."""
    file = next((each for each in version.artifacts if each.path == MODEL_CARD), None)
    if file is None or version.state != "ready":
        return None
    try:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(MAX_CARD_SECONDS):
                await stack.enter_async_context(headers.cards.turn())
                content = await headers.ranges(version, file).read(0, MAX_CARD_BYTES)
            html = await asyncio.to_thread(rendered, content.decode(errors="replace"))
    except (TooManyRequests, TimeoutError):  # the page has more to tell than its card
        return Card(trouble="Too many model cards are being read; load the page again for this.")
    except (Unavailable, StorageMissing, StorageRefused):
        return Card(trouble="The model card cannot be read from storage now.")
    return Card(html, is_cut=file.size_bytes > MAX_CARD_BYTES)


@cached(_RENDERED, key=_digest, lock=Lock())
def rendered(text: str) -> Markup:
    """Return Markdown as HTML: known tags without attributes, links to the web and mail alone.

    What was rendered is kept for a while: cards do not change, and a long one takes its time.
    """
    shown = _HEAD.sub("", text, count=1)
    if sum(map(shown.count, _MARKS)) > MAX_MARKS:
        return Markup("<pre>{}</pre>").format(shown)
    made = _parser(tables=_most_cells(shown) <= MAX_CELLS, references=_is_short(shown)).render(
        shown
    )
    clean = nh3.clean(
        made,
        tags=_TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_outward,
        link_rel="noopener noreferrer nofollow ugc",
    )
    return Markup(clean)  # noqa: S704 - it is what the sanitizer leaves


def _outward(_tag: str, attribute: str, value: str) -> str | None:
    """Return where a link leads; None for one within the registry's pages, which a card cannot know
    from which of them it is read."""
    if attribute != "href":
        return value
    return value if value.lower().startswith(_SCHEMES) else None


def _most_cells(text: str) -> int:
    """Return how many cells the tables of a text may have at most.

    Each row is filled up with as many as the head has, so that a text of a few bytes can have
    very many: it is not the length of a text that bounds them.
    """
    lines = text.split("\n")
    return len(lines) * (1 + max(line.count("|") for line in lines))


def _is_short(text: str) -> bool:
    """Whether links by reference stay small: each is as long as what it refers to."""
    return text.count("[") * max(map(len, _BLANK_LINE.split(text))) <= MAX_REPEATED


@cache
def _parser(*, tables: bool, references: bool) -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("strikethrough")
    if tables:
        made.enable("table")
    return made if references else made.disable("reference")
