"""Model cards: a version's README.md as HTML in which nothing runs and nothing is loaded."""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

import nh3
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
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(
    ["table", "strikethrough"]
)


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
        async with headers.turns.turn():
            content = await headers.ranges(version, file).read(0, MAX_CARD_BYTES)
    except TooManyRequests:  # the page has more to tell than its card
        return Card(trouble="Too many model cards are being read; load the page again for this.")
    except (Unavailable, StorageMissing, StorageRefused):
        return Card(trouble="The model card cannot be read from storage now.")
    text = content.decode(errors="replace")
    html = await asyncio.to_thread(rendered, text)
    return Card(html, is_cut=file.size_bytes > MAX_CARD_BYTES)


def rendered(text: str) -> Markup:
    """Return Markdown as HTML: known tags without attributes, links to https and mail alone."""
    made = _MARKDOWN.render(_HEAD.sub("", text, count=1))
    clean = nh3.clean(
        made,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
    )
    return Markup(clean)  # noqa: S704 - it is what the sanitizer leaves
