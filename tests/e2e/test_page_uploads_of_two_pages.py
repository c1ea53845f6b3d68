"""Uploading in a real Chromium from two pages of one model: what one ends, the other begins not."""

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Page, Request, Route, expect

from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.chromium import NEEDS_CHROMIUM, choose, hold, sign_in, storage_of

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "model.bin"
    made.write_bytes(uuid4().bytes)  # new ones: those that are stored are not sent
    return made


@pytest.fixture
def other_file(tmp_path: Path) -> Path:
    made = tmp_path / "other.bin"
    made.write_bytes(uuid4().bytes)
    return made


@pytest.fixture
async def opened(page: Page, settings: Settings, model: str) -> list[str]:
    """What is opened by any page of the browser; `page` shows where files are uploaded."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/ui/uploads"):
            found.append(request.url)

    page.context.on("request", note)
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    return found


async def _refuse(route: Route) -> None:
    await route.fulfill(status=400, headers={"access-control-allow-origin": "*"})


async def begun(page: Page, settings: Settings, file: Path, button: str) -> None:
    """Begin an upload that is paused, where `button` goes on with it, or else fails."""
    await page.route(storage_of(settings), hold if button == "Go on" else _refuse)
    await choose(page, "#upload-picker", file)
    await page.get_by_role("button", name="Upload").click()
    if button == "Go on":
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_text("paused")).to_be_visible()
    else:
        await expect(page.get_by_role("alert")).to_contain_text("has changed since it was chosen")
    await page.unroute(storage_of(settings))


async def other_page(page: Page, model: str) -> Page:
    other = await page.context.new_page()
    await other.goto(f"/ui/models/{model}/upload")
    return other


async def complete(other: Page, model: str, file: Path) -> None:
    await choose(other, "#upload-picker", file)
    await other.get_by_role("button", name="Upload").click()
    await other.wait_for_url(f"**/ui/models/{model}/versions/1")


@pytest.mark.parametrize("button", ["Go on", "Upload"])
async def test_what_another_page_completed_is_not_opened_again(
    api: Api, page: Page, settings: Settings, model: str, file: Path, opened: list[str], button: str
) -> None:
    await begun(page, settings, file, button)
    await complete(await other_page(page, model), model, file)
    await page.get_by_role("button", name=button).click()
    await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    assert len(opened) == 1
    assert (await api.version(model, 1, wait=30)).state == "ready"


async def test_what_another_page_completed_is_not_opened_again_by_one_that_was_told_of_it(
    page: Page, settings: Settings, model: str, file: Path, opened: list[str]
) -> None:
    await begun(page, settings, file, "Go on")
    told = await other_page(page, model)
    await choose(told, "#upload-picker", file)
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    await told.get_by_role("button", name="Upload").click()
    await told.wait_for_url(f"**/ui/models/{model}/versions/1")
    assert len(opened) == 1


@pytest.mark.parametrize("button", ["Go on", "Upload"])
async def test_what_another_page_gave_up_is_told_before_another_one_begins(
    page: Page, settings: Settings, model: str, file: Path, opened: list[str], button: str
) -> None:
    await begun(page, settings, file, button)
    other = await other_page(page, model)
    await other.get_by_role("button", name="Give it up").click()
    await expect(other.get_by_text("The upload was given up.")).to_be_visible()
    await page.get_by_role("button", name=button).click()
    await expect(page.get_by_role("alert")).to_have_text("the upload is aborted: begin another")
    assert len(opened) == 1
    await page.get_by_role("button", name="Upload").click()
    await page.wait_for_url(f"**/ui/models/{model}/versions/2")
    assert len(opened) == 2


async def test_what_another_page_has_begun_instead_is_told_and_left_to_it(
    api: Api,
    page: Page,
    settings: Settings,
    model: str,
    file: Path,
    other_file: Path,
    opened: list[str],
) -> None:
    await begun(page, settings, file, "Go on")
    other = await other_page(page, model)
    await other.get_by_role("button", name="Give it up").click()
    await expect(other.get_by_text("The upload was given up.")).to_be_visible()
    await begun(other, settings, other_file, "Go on")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_have_text("the upload is aborted: begin another")
    await expect(page.get_by_role("button", name="Give it up")).to_be_hidden()
    await page.get_by_role("button", name="Upload").click()
    await expect(page.get_by_role("alert")).to_contain_text("An upload is not complete: version 2")
    assert len(opened) == 2
    await other.get_by_role("button", name="Go on").click()
    await other.wait_for_url(f"**/ui/models/{model}/versions/2")
    assert (await api.version(model, 2, wait=30)).state == "ready"


async def test_what_another_page_ended_is_given_up_without_a_fault(
    page: Page, settings: Settings, model: str, file: Path, opened: list[str]
) -> None:
    await begun(page, settings, file, "Go on")
    other = await other_page(page, model)
    await other.get_by_role("button", name="Give it up").click()
    await expect(other.get_by_text("The upload was given up.")).to_be_visible()
    await page.get_by_role("button", name="Give it up").click()
    await expect(page.get_by_text("The upload was given up.")).to_be_visible()
    await page.get_by_role("button", name="Upload").click()
    await page.wait_for_url(f"**/ui/models/{model}/versions/2")
    assert len(opened) == 2


async def test_giving_up_what_another_page_completed_tells_so_and_other_files_begin_another(
    page: Page, settings: Settings, model: str, file: Path, other_file: Path, opened: list[str]
) -> None:
    await begun(page, settings, file, "Go on")
    told = await other_page(page, model)
    await complete(await other_page(page, model), model, file)
    await page.get_by_role("button", name="Give it up").click()
    await expect(page.get_by_role("alert")).to_have_text("the upload is completed")
    await choose(told, "#upload-picker", other_file)
    await told.get_by_role("button", name="Upload").click()
    await expect(told.get_by_role("alert")).to_have_text("the upload is completed: begin another")
    assert len(opened) == 1
    await told.get_by_role("button", name="Upload").click()
    await told.wait_for_url(f"**/ui/models/{model}/versions/2")
