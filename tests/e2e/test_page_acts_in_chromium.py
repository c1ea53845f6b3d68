"""Acts in a real Chromium: a lost race, deletion and restoring, an upload with a reload in it.

`PAGE_UPLOAD_MIB` has the upload be larger.
"""

import json
import os
import random
from pathlib import Path

import pytest
from playwright.async_api import Page, Request, Route, expect

from registry.schemas import Version
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import MIB, Api, file_of, sha256_of
from tests.support.chromium import NEEDS_CHROMIUM, choose, drop, hold, look, sign_in, storage_of

UPLOAD_MIB = int(os.environ.get("PAGE_UPLOAD_MIB", "24"))
DATA = b"bytes"

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
async def version(api: Api, model: str) -> Version:
    """The second of two ready versions; `production` points at the first."""
    for _ in range(2):
        session = await api.open(model, file_of("model.bin", DATA), tags={"team": "risk"})
        await api.put(session.files[0], DATA)
        await api.ready(session)
    await move(api, model, 1)
    return await api.version(model, 2)


async def move(api: Api, model: str, to: int, reason: str = "") -> None:
    answer = await api.ingest.put(
        f"/v1/models/{model}/aliases/production", json={"version": to, "reason": reason}
    )
    assert answer.status_code == 200, answer.text


async def test_an_alias_is_moved_and_a_race_is_lost(
    api: Api, page: Page, settings: Settings, version: Version
) -> None:
    await sign_in(page, token_of(settings), f"/ui/models/{version.model}/aliases/production")
    await page.get_by_role("link", name="Move", exact=True).click()
    await page.get_by_label("Version").fill("2")
    await page.get_by_label("Reason").fill("auc 0.93")
    await look(page, "move")
    await page.get_by_role("button", name="Move").click()
    await expect(page.get_by_text("auc 0.93")).to_be_visible()
    await look(page, "alias-acts")
    await page.get_by_role("link", name="Move", exact=True).click()
    await move(api, version.model, 1, "somebody was faster")
    await page.get_by_label("Version").fill("2")
    await page.get_by_role("button", name="Move").click()
    await expect(page.get_by_role("alert")).to_contain_text("somebody was faster")
    await look(page, "lost-race")
    answer = await api.query.get(f"/v1/models/{version.model}/aliases/production")
    assert answer.json()["number"] == 1
    await page.get_by_role("button", name="Move").click()
    await expect(page.get_by_role("heading", name="production")).to_be_visible()
    answer = await api.query.get(f"/v1/models/{version.model}/aliases/production")
    assert answer.json()["number"] == 2


async def test_an_edit_leaves_line_breaks_of_what_nobody_touched(
    api: Api, page: Page, settings: Settings, model: str
) -> None:
    said = {"framework": "keras\n3", "tags": {"note": "one\ntwo", "team": "risk"}}
    session = await api.open(model, file_of("model.bin", DATA), **said)
    await api.put(session.files[0], DATA)
    await api.ready(session)
    await sign_in(page, token_of(settings), f"/ui/models/{model}/versions/1/edit")
    await page.get_by_label("Description").fill("who leaves")
    await look(page, "edit-lines")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("who leaves").first).to_be_visible()
    found = await api.version(model, 1)
    assert {"framework": found.framework, "tags": found.tags} == said
    [edit] = (await api.query.get(f"/v1/models/{model}/versions/1/edits")).json()["items"]
    assert edit["after"] == {"description": "who leaves"}


async def test_a_version_is_edited_deleted_and_restored(
    api: Api, page: Page, settings: Settings, version: Version
) -> None:
    await sign_in(page, token_of(settings), f"/ui/models/{version.model}/versions/2")
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Description").fill("who leaves")
    await page.get_by_label("Name 1 of metrics").fill("auc")
    await page.get_by_label("Value 1 of metrics").fill("much")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("must be a finite number")
    await look(page, "edit-wrong")
    await page.get_by_label("Value 1 of metrics").fill("0.93")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("who leaves", exact=True)).to_be_visible()
    await look(page, "version-acts")
    await page.get_by_role("link", name="Delete").click()
    await expect(page.get_by_text("Its files are removed for good after")).to_be_visible()
    await page.get_by_label("Reason").fill("trained on test data")
    await look(page, "delete")
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("trained on test data")).to_be_visible()
    assert (await api.version(version.model, 2)).state == "deleted"
    await page.get_by_role("link", name="Restore").click()
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_role("link", name="Archive")).to_be_visible()
    assert (await api.version(version.model, 2)).state == "ready"


@pytest.mark.parametrize(
    ("role", "links"),
    [
        ("reader", set[str]()),
        ("writer", {"Set an alias", "Edit"}),
        ("maintainer", {"Set an alias", "Edit", "Archive", "Delete"}),
        ("admin", {"Set an alias", "Edit", "Archive", "Delete"}),
    ],
)
async def test_each_role_sees_only_what_it_may(
    api: Api, page: Page, version: Version, role: str, links: set[str]
) -> None:
    token = await api.token(f"{role}:{version.model}")
    await sign_in(page, token.token, f"/ui/models/{version.model}/versions/2")
    assert set(await page.locator(".buttons a").all_inner_texts()) == links
    uploading = await page.goto(f"/ui/models/{version.model}/upload")
    assert uploading is not None
    assert uploading.status == (403 if role == "reader" else 200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of several files, the largest one in parts."""
    made = tmp_path / "churn-model"
    (made / "tokenizer").mkdir(parents=True)
    noise = random.Random(13)  # noqa: S311 - no secret
    (made / "weights.bin").write_bytes(noise.randbytes(UPLOAD_MIB * MIB))
    (made / "small.bin").write_bytes(noise.randbytes(MIB // 2))
    (made / "tokenizer" / "vocab.txt").write_text("<b>vocab</b> ä")
    (made / "README.md").write_text("# Churn")
    return made


async def test_a_folder_is_uploaded_with_a_reload_in_the_middle(
    api: Api, page: Page, settings: Settings, model: str, folder: Path
) -> None:
    sent: list[int] = []
    held: list[Route] = []

    async def hold_after_some(route: Route) -> None:
        if len(sent) >= 4:
            held.append(route)  # on its way for as long as the page is there
            return
        sent.append(1)
        await route.continue_()

    def count(request: Request) -> None:
        if "partNumber=" in request.url and request.method == "PUT":
            parts.append(request.url.partition("partNumber=")[2].partition("&")[0])

    storage = storage_of(settings)
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route(storage, hold_after_some)
    await page.get_by_label("Description").fill("who leaves")
    await choose(page, "#upload-folder", folder)
    await expect(page.get_by_text("4 files")).to_be_visible()
    await look(page, "upload-chosen")
    await page.get_by_role("button", name="Upload").click()
    while not held:
        await page.wait_for_timeout(50)
    await expect(page.locator("#upload-told")).to_contain_text("/s")
    await look(page, "upload-sending")
    kept = await page.evaluate("JSON.stringify(localStorage)")
    assert "X-Amz" not in kept
    assert "http" not in kept
    page.on("dialog", lambda dialog: dialog.accept())
    await page.reload()
    await page.unroute(storage)
    await expect(page.get_by_text("An upload is not complete")).to_be_visible()
    await look(page, "upload-kept")
    parts: list[str] = []
    page.on("request", count)
    await choose(page, "#upload-folder", folder)
    await page.get_by_role("button", name="Upload").click()
    await page.wait_for_url(f"**/ui/models/{model}/versions/1", timeout=300_000)
    found = await api.version(model, 1, wait=30)
    assert found.state == "ready", found
    assert found.description == "who leaves"
    assert {each.path for each in found.artifacts} == {
        *("weights.bin", "small.bin", "tokenizer/vocab.txt", "README.md")
    }
    data = (folder / "weights.bin").read_bytes()
    assert sha256_of(await api.download(model, 1, "weights.bin")) == sha256_of(data)
    weights = next(each for each in found.artifacts if each.path == "weights.bin")
    assert weights.composite is not None
    assert 0 < len(set(parts)) < weights.composite.part_count, "what was there is not sent again"
    assert await page.evaluate("localStorage.length") == 0


async def test_an_upload_pauses_goes_on_and_is_given_up(
    api: Api, page: Page, settings: Settings, model: str, folder: Path
) -> None:
    storage = storage_of(settings)
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route(storage, hold)
    await choose(page, "#upload-folder", folder)
    await page.get_by_role("button", name="Upload").click()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("paused")).to_be_visible()
    await page.get_by_role("button", name="Give it up").click()
    await expect(page.get_by_text("The upload was given up.")).to_be_visible()
    assert (await api.version(model, 1)).state == "rejected"
    await page.unroute(storage)
    await page.get_by_role("button", name="Upload").click()
    await page.wait_for_url(f"**/ui/models/{model}/versions/2")
    assert (await api.version(model, 2, wait=30)).state == "ready"


async def test_files_that_changed_are_not_mixed_with_those_of_before(
    page: Page, settings: Settings, model: str, folder: Path
) -> None:
    storage = storage_of(settings)
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route(storage, hold)
    await choose(page, "#upload-folder", folder)
    await page.get_by_role("button", name="Upload").click()
    await page.get_by_role("button", name="Pause").click()
    await page.reload()
    (folder / "README.md").write_text("# Other")
    await choose(page, "#upload-folder", folder)
    await page.get_by_role("button", name="Upload").click()
    await expect(page.get_by_role("alert")).to_contain_text("README.md has changed")


async def test_a_folder_is_dropped_and_what_is_over_is_told(
    api: Api, page: Page, settings: Settings, model: str, folder: Path
) -> None:
    await sign_in(page, token_of(settings), f"/ui/models/{model}/upload")
    await page.route(storage_of(settings), hold)
    await drop(page, folder, "#upload-files")
    await expect(page.get_by_text("4 files")).to_be_visible()
    await expect(page.get_by_text("tokenizer/vocab.txt", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Upload").click()
    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_text("paused")).to_be_visible()
    kept = await page.evaluate("Object.values(localStorage)[0]")
    aborted = await api.ingest.delete(f"/v1/uploads/{json.loads(kept)['upload_id']}")
    assert aborted.is_success, aborted.text
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_contain_text("the upload is aborted")
    assert await page.evaluate("localStorage.length") == 0


async def test_a_refusal_names_the_field_and_the_rule(
    page: Page, settings: Settings, model: str, folder: Path
) -> None:
    await sign_in(page, token_of(settings), "/ui/upload")
    await page.get_by_label("Model").fill("a b")
    await choose(page, "#upload-folder", folder)
    await page.get_by_role("button", name="Upload").click()
    await expect(page.get_by_role("alert")).to_contain_text("model: must")
    await look(page, "upload-refused")
