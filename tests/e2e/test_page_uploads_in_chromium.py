"""Uploading in a real Chromium where answers are lost, and storage takes nothing more."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Page, Route, expect

from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.chromium import NEEDS_CHROMIUM, sign_in

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "model.bin"
    made.write_bytes(uuid4().bytes)  # new ones: those that are stored are not sent
    return made


async def test_an_upload_whose_opening_was_not_answered_is_opened_once(
    api: Api, page: Page, settings: Settings, model: str, file: Path
) -> None:
    keys: list[str] = []

    async def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route("**/ui/uploads", lose_the_first_answer)
    await page.locator("#upload-picker").set_input_files(file)
    await page.get_by_role("button", name="Upload").click()
    await expect(page.get_by_role("alert")).to_contain_text("the registry does not answer")
    await page.get_by_role("button", name="Upload").click()
    await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert (await api.version(model, 1, wait=30)).state == "ready"


async def test_what_storage_takes_no_more_of_is_sent_again(
    api: Api, page: Page, settings: Settings, model: str, file: Path
) -> None:
    held = asyncio.Event()

    async def hold_the_first(route: Route) -> None:
        if held.is_set():
            await route.continue_()
        held.set()

    await page.clock.install()
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    storage = f"{settings.storage_public_scheme}://{settings.storage_public_endpoint}/**"
    await page.route(storage, hold_the_first)
    await page.locator("#upload-picker").set_input_files(file)
    await page.get_by_role("button", name="Upload").click()
    async with asyncio.timeout(30):
        await held.wait()
    await page.clock.fast_forward(61_000)
    await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    assert (await api.version(model, 1, wait=30)).state == "ready"
