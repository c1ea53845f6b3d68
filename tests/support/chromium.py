"""The page in a real Chromium: what it refuses, how wide it is, and whether all can use it.

`PAGE_SCREENSHOTS` names a folder for pictures at three widths in both themes.
"""

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route, async_playwright, expect

from shared.runtime.settings import Settings

PROGRAM = shutil.which("chromium") or ""
NEEDS_CHROMIUM = pytest.mark.skipif(not PROGRAM, reason="there is no chromium")
WIDTHS = (375, 800, 1400)
THEMES = ("light", "dark")
_AXE: Any = Axe()  # typed in part
PICTURES = os.environ.get("PAGE_SCREENSHOTS", "")


@asynccontextmanager
async def open_page(settings: Settings) -> AsyncGenerator[Page]:
    """Open a page of query; what the browser refuses or a script throws is a failure at the end."""
    troubles: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        context = await browser.new_context(base_url=f"http://127.0.0.1:{settings.query_port}")
        page = await context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda told: troubles.append(told.text) if "Security Policy" in told.text else None,
        )
        yield page
        await browser.close()
    assert troubles == []


async def sign_in(page: Page, token: str, path: str) -> None:
    """Sign in with a token, and be led to a page."""
    await page.goto(f"/ui/sign-in?next={path}")
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def storage_of(settings: Settings) -> str:
    """Return the pattern of what pages ask storage for."""
    return f"{settings.storage_public_scheme}://{settings.storage_public_endpoint}/**"


async def choose(page: Page, field: str, path: Path) -> None:
    """Choose a file or a folder on an upload page, once its script hears of it."""
    await expect(page.locator("#upload")).to_be_visible()
    await page.locator(field).set_input_files(path)


async def drop(page: Page, path: Path, where: str) -> None:
    """Drop a file or a folder on an element of a page."""
    box = await page.locator(where).bounding_box()
    assert box is not None
    place = {"x": box["x"] + 20, "y": box["y"] + 20}
    data = {"items": list[str](), "files": [str(path)], "dragOperationsMask": 1}
    devtools = await page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        told = {"type": kind, **place, "data": data}
        await devtools.send("Input.dispatchDragEvent", told)  # pyright: ignore[reportUnknownMemberType]


async def look(page: Page, name: str) -> None:
    """Find that a page is as wide as its window, and has no fault that axe knows, as it stands."""
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(overflow) <= 0, f"{name} at {width}"
        for theme in THEMES if PICTURES else ():
            await page.emulate_media(color_scheme=cast("Any", theme))
            picture = Path(PICTURES) / f"{name}-{width}-{theme}.png"
            await page.screenshot(path=picture, full_page=True)
    for theme in THEMES:
        await page.emulate_media(color_scheme=cast("Any", theme))
        found: Any = await _AXE.run(page)
        assert found.violations_count == 0, f"{name}, {theme}: {found.generate_report()}"


async def hold(_: Route) -> None:
    """Let a request be on its way for as long as the page is there."""
