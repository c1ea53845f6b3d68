"""Uploading in a real Chromium where the URLs of small files are over before all are sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page, Route, expect

from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.chromium import NEEDS_CHROMIUM, choose, sign_in, storage_of

pytestmark = NEEDS_CHROMIUM

FILES = 12
AT_ONCE = 4
LONG_AGO = "2020-01-01T00:00:00Z"
SPOILT = "&spoilt"
"""At the end of URLs of the opening: those of one second are the same."""


@dataclass
class Wire:
    """What the page asks the registry and storage for, and what is changed of the answers."""

    has_date: bool = True
    is_over: bool = False
    """Whether the URLs of the opening are told to be over."""
    is_refused: bool = False
    """Whether storage refuses them though they are not."""
    sent: list[str] = field(default_factory=list[str])
    asks: int = 0
    state: str = ""
    """What state of the upload is told to who asks, if another."""

    async def registry(self, route: Route) -> None:
        method, url = route.request.method, route.request.url
        answer = await route.fetch()
        told: Any = await answer.json()
        if method == "GET":
            self.asks += 1
            told["state"] = self.state or told["state"]
        elif url.endswith("/ui/uploads"):
            for each in told["files"]:
                self._change(each["put"])
        await route.fulfill(response=answer, headers=self._headers(answer.headers), json=told)

    async def storage(self, route: Route) -> None:
        self.sent.append(route.request.url)
        if route.request.url.endswith(SPOILT):
            await route.fulfill(status=403, headers={"access-control-allow-origin": "*"})
        else:
            await route.continue_()

    def _change(self, put: dict[str, str]) -> None:
        if self.is_over:
            put["expires_at"] = LONG_AGO
        if self.is_over or self.is_refused:
            put["url"] += SPOILT

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        assert "date" in headers
        return {name: headers[name] for name in headers if self.has_date or name != "date"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    for number in range(FILES):
        (made / f"{number}.bin").write_bytes(uuid4().bytes)  # new: what is stored is not sent
    return made


async def begin(page: Page, settings: Settings, model: str, folder: Path, wire: Wire) -> None:
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route("**/ui/uploads**", wire.registry)
    await page.route(storage_of(settings), wire.storage)
    await choose(page, "#upload-folder", folder)
    await page.get_by_role("button", name="Upload").click()


async def until_there(api: Api, page: Page, model: str) -> None:
    await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    assert (await api.version(model, 1, wait=30)).state == "ready"


async def test_an_answer_has_urls_for_all_files_whose_were_refused(
    api: Api, page: Page, settings: Settings, model: str, folder: Path
) -> None:
    wire = Wire(is_refused=True)
    await begin(page, settings, model, folder, wire)
    await until_there(api, page, model)
    assert len([url for url in wire.sent if url.endswith(SPOILT)]) == AT_ONCE
    assert 1 <= wire.asks <= AT_ONCE


async def test_nothing_is_sent_to_a_url_that_is_over(
    api: Api, page: Page, settings: Settings, model: str, folder: Path
) -> None:
    wire = Wire(is_over=True)
    await begin(page, settings, model, folder, wire)
    await until_there(api, page, model)
    assert len(wire.sent) == FILES
    assert not any(url.endswith(SPOILT) for url in wire.sent)
    assert wire.asks == 1


@pytest.mark.parametrize("has_date", [True, False])
@pytest.mark.parametrize("hours", [-3, 3])
async def test_a_wrong_clock_of_the_browser_costs_at_most_asking(
    api: Api,
    page: Page,
    settings: Settings,
    model: str,
    folder: Path,
    *,
    has_date: bool,
    hours: int,
) -> None:
    wire = Wire(has_date=has_date)
    await page.clock.install(time=datetime.now(UTC) + timedelta(hours=hours))
    await begin(page, settings, model, folder, wire)
    await until_there(api, page, model)
    assert len(wire.sent) == FILES
    assert wire.asks == 0 if has_date or hours < 0 else 1 <= wire.asks <= FILES


async def test_an_upload_that_is_over_meanwhile_is_told_at_once(
    page: Page, settings: Settings, model: str, folder: Path
) -> None:
    wire = Wire(is_over=True, state="expired")
    await begin(page, settings, model, folder, wire)
    await expect(page.get_by_role("alert")).to_have_text("the upload is expired")
    assert (wire.asks, wire.sent) == (1, [])
