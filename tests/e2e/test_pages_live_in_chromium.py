"""The overview in a real Chromium where what it follows breaks off, or nobody is signed in."""

from playwright.async_api import Page, Route, expect

from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.chromium import NEEDS_CHROMIUM, sign_in

pytestmark = NEEDS_CHROMIUM
TOLD = "appear here by themselves"


async def test_a_stream_that_is_refused_is_asked_for_again(page: Page, settings: Settings) -> None:
    asked: list[str] = []

    async def refuse_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            await route.fulfill(status=503, body="later")
        else:
            await route.continue_()

    await page.route("**/ui/events", refuse_once)
    await page.clock.install()
    async with page.expect_response("**/ui/events"):
        await sign_in(page, token_of(settings), "/ui/")
    await expect(page.get_by_text(TOLD)).to_be_hidden()
    assert len(asked) == 1
    await page.clock.fast_forward(16_000)
    await expect(page.get_by_text(TOLD)).to_be_visible()
    assert len(asked) == 2


async def test_whoever_is_signed_out_elsewhere_is_asked_to_sign_in(
    page: Page, settings: Settings
) -> None:
    await sign_in(page, token_of(settings), "/ui/")
    await expect(page.get_by_text(TOLD)).to_be_visible()
    await page.context.clear_cookies()
    await expect(page.get_by_label("Token")).to_be_visible(timeout=30_000)
