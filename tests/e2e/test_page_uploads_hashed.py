"""Uploading in a real Chromium where files are sent in one body that are larger than by default."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Request, Route, expect

from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import MIB, sha256_of
from tests.support.chromium import NEEDS_CHROMIUM, choose, hold, sign_in, storage_of

pytestmark = NEEDS_CHROMIUM

SIZE = 17 * MIB


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "model.bin"
    made.write_bytes(os.urandom(SIZE))
    return made


@pytest.fixture
def other_file(tmp_path: Path) -> Path:
    """One of the same name and size."""
    made = tmp_path / "other" / "model.bin"
    made.parent.mkdir()
    made.write_bytes(os.urandom(SIZE))
    os.utime(made, (1e9, 1e9))
    return made


@pytest.fixture
def huge_file(tmp_path: Path) -> Path:
    """One of which there are no bytes on the disk."""
    made = tmp_path / "huge.bin"
    with made.open("wb") as to:
        to.truncate(1024 * MIB + 1)
    return made


async def limited(page: Page, settings: Settings, model: str, limit: int) -> None:
    """Show the page as it is where the setting is another one."""

    async def change(route: Route) -> None:
        answer = await route.fetch()
        before = f'put-bytes="{settings.upload_single_put_max_bytes}"'
        text = await answer.text()
        assert before in text
        body = text.replace(before, f'put-bytes="{limit}"')
        await route.fulfill(response=answer, body=body)

    await sign_in(page, token_of(settings), "/ui/")
    await page.route(f"**/ui/models/{model}/upload", change)
    await page.goto(f"/ui/models/{model}/upload")


async def upload(page: Page, file: Path) -> None:
    await choose(page, "#upload-picker", file)
    await page.get_by_role("button", name="Upload").click()


async def test_a_file_that_is_sent_in_one_body_is_hashed_before_and_compared_after_a_reload(
    page: Page, settings: Settings, model: str, file: Path, other_file: Path
) -> None:
    opened: list[Any] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/ui/uploads"):
            opened.append(request.post_data_json)

    page.on("request", note)
    await page.route(storage_of(settings), hold)
    await limited(page, settings, model, 20 * MIB)
    await upload(page, file)
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("paused")).to_be_visible()
    digest = sha256_of(file.read_bytes())  # noqa: ASYNC240 - nobody else is held up
    assert opened[0]["files"] == [{"path": "model.bin", "size_bytes": SIZE, "sha256": digest}]
    await page.reload()
    await upload(page, other_file)
    await expect(page.get_by_role("alert")).to_contain_text("model.bin has changed")


async def test_a_file_that_cannot_be_hashed_in_memory_is_refused_before_the_upload_begins(
    page: Page, settings: Settings, model: str, huge_file: Path
) -> None:
    await limited(page, settings, model, 5 * 1024 * MIB)
    await upload(page, huge_file)
    await expect(page.get_by_role("alert")).to_have_text(
        "huge.bin is too large for a browser: use the command"
    )
    assert await page.evaluate("localStorage.length") == 0


async def test_no_body_is_sent_without_a_digest_where_the_services_have_other_limits(
    page: Page, settings: Settings, model: str, file: Path
) -> None:
    sent: list[str] = []

    async def plan_one_body(route: Route) -> None:
        answer = await route.fetch()
        told: Any = await answer.json()
        told["files"][0].update(kind="put", part_count=None, part_size_bytes=None)
        await route.fulfill(response=answer, json=told)

    async def note(route: Route) -> None:
        sent.append(route.request.url)
        await route.continue_()

    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route("**/ui/uploads", plan_one_body)
    await page.route(storage_of(settings), note)
    await upload(page, file)
    await expect(page.get_by_role("alert")).to_contain_text("model.bin was not hashed")
    await page.get_by_role("button", name="Give it up").click()
    await expect(page.get_by_text("The upload was given up.")).to_be_visible()
    assert sent == []
