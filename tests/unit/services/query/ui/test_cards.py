"""Model cards: Markdown becomes HTML in which nothing runs, and nothing is loaded."""

from html.parser import HTMLParser
from typing import Any, Self, cast
from uuid import uuid4

import pytest
from markupsafe import escape

from registry.schemas import Artifact, Version
from registry.schemas.rules import MODEL_CARD
from services.query.compare.headers import Headers
from services.query.turns import Turns
from services.query.ui import cards
from services.query.ui.cards import MAX_MARKS, read_card, rendered


class Elements(HTMLParser):
    """The elements of a page, as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    @classmethod
    def of(cls, html: str) -> Self:
        found = cls()
        found.feed(html)
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "![x](https://evil.example/x.png)",
        '<a href="https://x" style="position:fixed">x</a>',
        "<iframe src=https://evil.example></iframe>",
        "<form action=https://evil.example><input></form>",
        "```html\n<script>alert(1)</script>\n```",
        "| a |\n|---|\n| <b onclick=x>y</b> |",
    ],
)
def test_nothing_runs_and_nothing_is_loaded(attack: str) -> None:
    found = Elements.of(rendered(attack))
    assert found.tags <= {"p", "pre", "code", "table", "thead", "tbody", "tr", "th", "td", "a"}
    assert {name for name, _ in found.attributes} <= {"href", "rel"}
    for name, value in found.attributes:
        assert name == "rel" or value.startswith("https://")


@pytest.mark.parametrize(
    "address",
    [
        "LICENSE",
        "/ui/admin/tokens",
        "//evil.example/",
        "#top",
        "?a=b",
        "ftp://x",
        "../..",
        "https:/a",
    ],
)
def test_no_link_leads_into_the_pages_of_the_registry(address: str) -> None:
    found = Elements.of(rendered(f"[text]({address}) and more"))
    assert "href" not in {name for name, _ in found.attributes}
    assert "text" in rendered(f"[text]({address}) and more")


@pytest.mark.parametrize("address", ["https://a.example", "HTTP://a.example", "mailto:a@b.example"])
def test_links_to_the_web_and_to_people_are_kept(address: str) -> None:
    assert ("href", address) in Elements.of(rendered(f"[text]({address})")).attributes


@pytest.mark.parametrize("mark", ["[", "![", "*_", "[a](", "<b>"])
def test_a_card_of_marks_alone_is_shown_as_text(mark: str) -> None:
    text = mark * (MAX_MARKS + 1)
    html = rendered(text)
    assert Elements.of(html).tags == {"pre"}
    assert escape(text) in html


def test_a_card_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"# Card {uuid4()}"
    once = rendered(text)

    def fail(**_: bool) -> None:
        raise AssertionError

    monkeypatch.setattr(cards, "_parser", fail)
    assert rendered(text) == once


def test_cards_that_are_empty_take_room_too() -> None:
    kept = cards._RENDERED  # pyright: ignore[reportPrivateUsage]
    before = kept.currsize
    assert rendered(f"---\nid: {uuid4()}\n---\n") == ""
    assert kept.currsize > before


def test_text_links_and_tables_are_shown() -> None:
    html = rendered("# A\n\n[b](https://c.example)\n\n| d |\n|---|\n| e |\n")
    assert "<h1>A</h1>" in html
    assert 'href="https://c.example"' in html
    assert "noopener" in html
    assert "<td>e</td>" in html


def test_the_head_for_machines_is_not_shown() -> None:
    assert "license" not in rendered("---\nlicense: mit\n---\ntext")
    assert "license" in rendered("text\n---\nlicense: mit\n---\n")


def test_links_by_reference_are_shown() -> None:
    assert 'href="https://c.example"' in rendered("see [b]\n\n[b]: https://c.example\n")


@pytest.mark.parametrize(
    "text",
    [
        ("|" + "a|" * 180 + "\n|" + "-|" * 180 + "\n" + "|\n" * 364 + "\n") * 4,
        "[a]: http://" + "x" * 24_000 + "\n\n" + "[a]" * 8_000,
        "[a]: /x '" + "x\n" * 12_000 + "'\n\n" + "[a]" * 8_000,
    ],
    ids=["empty-cells", "addresses", "titles"],
)
def test_a_small_text_becomes_no_huge_page(text: str) -> None:
    assert len(rendered(text)) < 3 * len(text)


def test_deep_nesting_is_bounded() -> None:
    assert rendered("> " * 5000 + "a").count("<blockquote>") <= 20


async def test_where_too_many_cards_are_read_the_card_alone_says_so() -> None:
    """The page has more to tell than its card."""
    turns = Turns("model cards", most_waiting=0)
    nothing = cast("Any", None)
    async with turns.turn(), turns.turn():
        card = await read_card(version_with(MODEL_CARD), Headers(nothing, nothing, nothing, turns))
    assert card is not None
    assert "Too many" in card.trouble


def version_with(path: str) -> Version:
    file = Artifact.model_construct(path=path, size_bytes=1)
    return Version.model_construct(state="ready", artifacts=[file])
