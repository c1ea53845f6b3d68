"""Uploading in a real Chromium where answers are lost, bodies damaged, and listings slow."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import Page, Route, expect

from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.chromium import NEEDS_CHROMIUM, choose, drop, sign_in, storage_of
from tests.support.eventually import eventually

pytestmark = NEEDS_CHROMIUM

LIST_SLOWLY = """() => {
  const { prototype } = DataTransferItem;
  const entryOf = prototype.webkitGetAsEntry;
  const held = new Promise((resolve) => { window.listOn = resolve; });
  prototype.webkitGetAsEntry = function () {
    const entry = entryOf.call(this);
    const reader = entry.createReader();
    const readEntries = (told, failed) => {
      window.listing = "begun";
      held.then(() => reader.readEntries((found) => {
        told(found);
        window.listing = found.length === 0 ? "ended" : "begun";
      }, failed));
    };
    entry.createReader = () => ({ readEntries });
    return entry;
  };
}"""
HASH_TWO = """async (address) => {
  const worker = new Worker(address);
  const file = new File([new Uint8Array(64 * 1024 ** 2)], "large.bin");
  const told = [];
  await new Promise((resolve) => {
    worker.addEventListener("message", ({ data }) => {
      told.push(data.id);
      if (told.length === 2) {
        resolve();
      }
    });
    worker.postMessage({ id: "large", file, begin: 0, end: file.size });
    worker.postMessage({ id: "small", file, begin: 0, end: 1 });
  });
  return told;
}"""


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
    await choose(page, "#upload-picker", file)
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
    await page.route(storage_of(settings), hold_the_first)
    await choose(page, "#upload-picker", file)
    await page.get_by_role("button", name="Upload").click()
    async with asyncio.timeout(30):
        await held.wait()
    await page.clock.fast_forward(61_000)
    await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    assert (await api.version(model, 1, wait=30)).state == "ready"


@pytest.mark.parametrize("damaged", [1, 9])
async def test_a_body_that_storage_calls_another_one_is_sent_once_more(
    page: Page, settings: Settings, model: str, file: Path, damaged: int
) -> None:
    sent: list[str] = []

    async def damage(route: Route) -> None:
        sent.append(route.request.method)
        if len(sent) <= damaged:
            await route.fulfill(status=400, headers={"access-control-allow-origin": "*"})
        else:
            await route.continue_()

    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route(storage_of(settings), damage)
    await choose(page, "#upload-picker", file)
    await page.get_by_role("button", name="Upload").click()
    if damaged == 1:
        await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    else:
        await expect(page.get_by_role("alert")).to_contain_text("has changed since it was chosen")
    assert sent == ["PUT", "PUT"]


async def until_listing(page: Page, state: str) -> None:
    async def look() -> bool | None:
        return await page.evaluate("window.listing") == state or None

    await eventually(look)


async def test_a_folder_that_was_dropped_before_changes_no_upload_that_is_under_way(
    page: Page, settings: Settings, model: str, file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dropped"
    folder.mkdir()
    (folder / "other.bin").write_bytes(b"other")

    async def hold(_: Route) -> None:
        """Leave the browser without an answer."""

    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.evaluate(LIST_SLOWLY)
    await drop(page, folder, "#upload-files")
    await until_listing(page, "begun")
    await page.route(storage_of(settings), hold)
    await choose(page, "#upload-picker", file)
    await page.get_by_role("button", name="Upload").click()
    await expect(page.get_by_role("button", name="Pause")).to_be_enabled()
    await page.evaluate("window.listOn()")
    await until_listing(page, "ended")
    await expect(page.locator("#upload")).to_have_attribute("data-state", "sending")
    await expect(page.locator("#upload-list")).to_contain_text("model.bin")
    await expect(page.locator("#upload-list")).not_to_contain_text("other.bin")


async def test_one_page_does_not_give_up_what_another_one_sends(
    api: Api, page: Page, settings: Settings, model: str, file: Path
) -> None:
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    async def is_sent() -> bool | None:
        return len(held) > 0 or None

    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route(storage_of(settings), hold)
    await choose(page, "#upload-picker", file)
    await page.get_by_role("button", name="Upload").click()
    await eventually(is_sent)
    other = await page.context.new_page()
    await other.goto(f"/ui/models/{model}/upload")
    for button in ("Give it up", "Upload"):
        await choose(other, "#upload-picker", file)
        await other.get_by_role("button", name=button).click()
        await expect(other.get_by_role("alert")).to_contain_text("another page of this browser")
    await other.close()
    await held[0].continue_()
    await page.wait_for_url(f"**/ui/models/{model}/versions/1")
    assert (await api.version(model, 1, wait=30)).state == "ready"


async def test_one_part_at_a_time_is_in_the_memory_of_the_worker(
    page: Page, settings: Settings, model: str
) -> None:
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    address = await page.locator("#upload").get_attribute("data-hasher")
    assert await page.evaluate(HASH_TWO, address) == ["large", "small"]
