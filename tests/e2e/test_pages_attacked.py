"""Attacks in every field that a user can set: pages show them as text, and keep their shape."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest

from registry.schemas import Version
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of

ATTACKS = (
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "\"><svg onload='window.ran=1'>",
    "' autofocus onfocus='window.ran=1",
    "{{ 7*7 }}{% raw %}",
    "javascript:window.ran=1",
    "\u202egnp.exe\u2066 \u200f",
    "W" * 400,
    "</title></textarea></style><script>window.ran=1</script>",
)
TEXT = " ".join(ATTACKS)
LONG = "\u202e<b>" + "x" * 4000
OWN_TAGS = {
    *("html", "head", "meta", "title", "link", "script", "body", "header", "nav", "a", "span"),
    *("div", "button", "form", "input", "label", "main", "section", "h1", "h2", "h3", "p"),
    *("table", "thead", "tbody", "tr", "th", "td", "time", "code", "pre", "details", "ol"),
    *("summary", "ul", "li", "bdi", "em", "strong", "small", "mark"),
    *("textarea", "fieldset", "legend"),
}
WITH_ADDRESSES = ("href", "src", "action", "hx-get")


class Read(HTMLParser):
    """A page as a browser reads it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.scripts = 0
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.scripts += tag == "script"
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}")
            if name in WITH_ADDRESSES and not (value or "").startswith(("/ui", "#main", "?")):
                self.wrong.append(f"{tag} {name}={value}")


@pytest.fixture
async def browser(api: Api, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, signed in."""
    address = api.query.base_url
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
        answer = await client.post("/ui/sign-in", data={"token": token_of(settings)})
        assert answer.status_code == 303
        yield client


@pytest.fixture
async def attacked(api: Api, model: str) -> Version:
    """A version of which everything that may be said is an attack, and its model as well."""
    card, path = (TEXT + LONG).encode(), "<b onclick=x>&quot;.bin"
    name = "<i onclick=x>"
    session = await api.open(
        model,
        file_of(path, b"x"),
        file_of("README.md", card),
        version="1.0",
        description=TEXT + LONG,
        framework="<script>window.ran=1</script>",
        metrics={name: 1e300},
        parameters={name: {"a": [TEXT, None]}},
        tags={name: TEXT},
        properties={name: LONG},
    )
    for plan, data in zip(session.files, (b"x", card), strict=True):
        await api.put(plan, data)
    version = await api.ready(session)
    below = f"/v1/models/{model}"
    reason = TEXT[:900]
    for answer in (
        await api.ingest.patch(
            below,
            json={"description": TEXT + LONG, "tags": {name: TEXT}},
            headers={"content-type": "application/merge-patch+json"},
        ),
        await api.ingest.put(f"{below}/aliases/production", json={"version": 1, "reason": reason}),
        await api.ingest.patch(
            f"{below}/versions/1",
            json={"tags": {"other": TEXT}},
            headers={"content-type": "application/merge-patch+json"},
        ),
        await api.ingest.post(f"{below}/versions/1/lineage", json={"datasets": ['s3:"><script>']}),
        await api.ingest.put(f"{below}/versions/1/hold", json={"reason": reason}),
    ):
        assert answer.is_success, answer.text
    return version


def pages_of(model: str) -> list[str]:
    """Every page on which what was said is shown."""
    below = f"/ui/models/{model}"
    find = f"/ui/models?filter=name+%3D+'{model}'"
    columns = "&columns=name,tags.<i onclick=x>,metrics.<i onclick=x>,<script>"
    return [
        *("/ui/", find, f"{find}&kind=versions", f"{find}&kind=versions{columns}", below),
        *(f"{below}/versions/1", f"{below}/versions/1/tensors", f"{below}/aliases/production"),
        f"/ui/models?filter={ATTACKS[0]}{ATTACKS[2]}",
        f"/ui/models?order={ATTACKS[0]}",
        f"/ui/models/{model}/versions/{ATTACKS[1]}",
        f"/ui/models/{ATTACKS[3]}",
        f"/ui/sign-in?next={ATTACKS[2]}",
        "/ui/nothing/<script>",
        *(f"{below}/edit", f"{below}/versions/1/edit", f"{below}/versions/1/delete"),
        *(f"{below}/aliases/production/move", f"{below}/aliases/production/remove"),
        f"{below}/set-alias?version={ATTACKS[2][:200]}",
    ]


async def test_attacks_are_shown_as_text_on_every_page(
    browser: httpx.AsyncClient, attacked: Version
) -> None:
    for path in pages_of(attacked.model):
        answer = await browser.get(path)
        assert answer.status_code in (200, 303, 404, 422), f"{path}: {answer.text}"
        read = Read(answer.text)
        assert read.wrong == [], path
        # Markdown of the card may make text large or bold, and nothing else.
        assert read.tags <= OWN_TAGS | {"br", "blockquote"}, path
        assert read.scripts <= 2, path
        assert len(answer.content) < 300_000, path
        assert not re.search(r"{{|49", "".join(re.findall(r"<h1>.*?</h1>", answer.text))), path


async def test_texts_of_others_have_a_direction_of_their_own(
    browser: httpx.AsyncClient, attacked: Version
) -> None:
    """What turns the direction stands inside of `bdi`, in an attribute or in the card."""
    for path in pages_of(attacked.model)[:8]:
        text = (await browser.get(path)).text
        outside = re.sub(
            r'<bdi>.*?</bdi>|="[^"]*"|<div class="card".*?</div>', "", text, flags=re.S
        )
        assert "\u202e" not in outside, path
