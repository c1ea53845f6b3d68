"""Somebody signed in, and the forms of pages, which are sent as they stand."""

import html
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from tests.support.api import Api
from tests.support.browser import signed_in

_FORM = re.compile(r'<form method="post"(?: action="([^"]*)")?>(.*?)</form>', re.DOTALL)
_INPUT = re.compile(r"<input ([^>]*)>")
_TEXT = re.compile(r"<textarea ([^>]*)>(.*?)</textarea>", re.DOTALL)
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')


@dataclass(frozen=True)
class Form:
    """A form of a page: where it leads, and what it would send."""

    path: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in."""

    client: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        """Ask for a page."""
        return await self.client.get(path)

    async def forms(self, path: str) -> list[Form]:
        """The forms of a page, but for that of signing out."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return forms_of(answer, path)

    async def form(self, path: str) -> Form:
        """The one form of a page."""
        found = await self.forms(path)
        assert len(found) == 1, found
        return found[0]

    async def send(self, form: Form, **fields: str) -> httpx.Response:
        """Send a form with some fields filled in."""
        return await self.client.post(form.path, data={**form.fields, **fields})


def forms_of(answer: httpx.Response, path: str) -> list[Form]:
    """The forms of a page, but for that of signing out."""
    found: list[Form] = []
    for action, inside in _FORM.findall(answer.text):
        fields: dict[str, str] = {}
        for written in _INPUT.findall(inside):
            attributes = {name: html.unescape(text) for name, text in _ATTRIBUTE.findall(written)}
            fields[attributes["name"]] = attributes.get("value", "")
        for written, text in _TEXT.findall(inside):
            attributes = dict(_ATTRIBUTE.findall(written))
            fields[attributes["name"]] = html.unescape(text.removeprefix("\n"))
        target = html.unescape(action) or path.partition("?")[0]
        if target != "/ui/sign-out":
            found.append(Form(target, fields))
    return found


def panel_of(page: str, title: str) -> str:
    """The one panel of a page with this heading, as it is written; empty: there is none."""
    panels = re.findall(r"<section[^>]*>.*?</section>", page, re.DOTALL)
    found = [each for each in panels if f">{title}</h2>" in each]
    assert len(found) <= 1, title
    return found[0] if found else ""


def read(written: str) -> str:
    """What a reader sees of a part of a page, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", written)).split())


def rows_in(written: str) -> list[str]:
    """The rows of the tables in a part of a page, as they are read, heads among them."""
    return [read(each) for each in re.findall(r"<tr.*?</tr>", written, re.DOTALL)]


@asynccontextmanager
async def visiting(api: Api, token: str) -> AsyncGenerator[Visitor]:
    """Somebody who is signed in with a token."""
    async with signed_in(api, token) as client:
        yield Visitor(client)
