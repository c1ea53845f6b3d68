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
from tests.support.browser import signed_in

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
    *("svg", "g", "path", "polyline", "circle", "rect", "text", "desc", "marker"),
    *("figure", "figcaption"),
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
        if tag == "svg" and not (dict(attrs).get("class") or "").startswith("chart"):
            self.wrong.append("svg")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}")
            if name in WITH_ADDRESSES and not (value or "").startswith(("/ui", "#main", "?")):
                self.wrong.append(f"{tag} {name}={value}")


@pytest.fixture
async def browser(api: Api, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, signed in."""
    async with signed_in(api, token_of(settings)) as client:
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
        parameters={name: {"a": [TEXT, None]}, "<svg onload=x>": TEXT},
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
    await another(api, model)
    return version


async def another(api: Api, model: str) -> None:
    """Upload a version that was made from the first one, and differs in whatever was said."""
    session = await api.open(
        model,
        file_of("<b onclick=x>&quot;.bin", b"y"),
        metrics={"<i onclick=x>": -1e300},
        parameters={"<i onclick=x>": ATTACKS[0], "<svg onload=x>": LONG},
        lineage={"parents": [{"model": model, "version": 1}]},
    )
    await api.put(session.files[0], b"y")
    await api.ready(session)


def pages_of(model: str) -> list[str]:
    """Every page on which what was said is shown."""
    below = f"/ui/models/{model}"
    find = f"/ui/models?filter=name+%3D+'{model}'"
    columns = "&columns=name,tags.<i onclick=x>,metrics.<i onclick=x>,<script>"
    columns += ",params.<i onclick=x>,params.<svg onload=x>"
    return [
        *("/ui/", "/ui/me", find, f"{find}&kind=versions", f"{find}&kind=versions{columns}", below),
        *(f"{below}/versions/1", f"{below}/versions/1/tensors", f"{below}/aliases/production"),
        *(f"{below}/versions/2", f"{below}/compare?versions=1&versions=2"),
        *("/ui/overview/newest", f"{below}/aliases/production?at=2999-01-01T00:00"),
        *("/ui/overview/parts", f"{below}/aliases/production?at={ATTACKS[2]}"),
        f"/ui/overview/newest?seen={ATTACKS[0]}:1",
        f"{below}/compare?versions=1&versions={ATTACKS[2]}",
        f"/ui/compare?pick={ATTACKS[0]}/1&pick={ATTACKS[0]}/2",
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
        assert read.scripts <= 3, path
        assert len(answer.content) < 300_000, path
        headings = "".join(re.findall(r"<h1>.*?</h1>", answer.text)).replace(attacked.model, "")
        assert not re.search(r"{{|49", headings), path


async def test_names_are_offered_as_data_and_not_as_a_page(
    browser: httpx.AsyncClient, attacked: Version
) -> None:
    asked = {"kind": "versions", "beginning": "metrics.<"}
    answer = await browser.get("/ui/completions", params=asked)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert 'metrics."<i onclick=x>"' in answer.json()["items"]


async def test_texts_of_others_have_a_direction_of_their_own(
    browser: httpx.AsyncClient, attacked: Version
) -> None:
    """What turns the direction stands inside of `bdi`, in an attribute or in the card."""
    for path in pages_of(attacked.model)[:12]:
        text = (await browser.get(path)).text
        outside = re.sub(
            r'<bdi>.*?</bdi>|="[^"]*"|<div class="card".*?</div>', "", text, flags=re.S
        )
        assert "\u202e" not in outside, path
