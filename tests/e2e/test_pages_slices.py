"""Lists of a version that are longer than a page: its files, its edits, its tensors."""

import html
import re
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from registry import AsyncModelRegistryClient
from services.query.ui.version_routes import EDITS_SHOWN, FILES_SHOWN, TENSORS_SHOWN
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of
from tests.support.browser import signed_in

LINK = r'rel="{}" href="([^"]+)">{}</a>'
EARLIER, NEXT = ("prev", "Earlier"), ("next", "Next")
EARLIER_EDITS = ("next", "Earlier")
"""The newest are first, so the next page has those before."""


@pytest.fixture
async def browser(api: Api, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, signed in."""
    async with signed_in(api, token_of(settings)) as client:
        yield client


async def page(browser: httpx.AsyncClient, address: str) -> str:
    answer = await browser.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def link(text: str, way: tuple[str, str], name: str) -> str | None:
    """Where a link of a page leads; None where it has none."""
    found = re.search(LINK.format(way[0], f"{way[1]} {name}"), text)
    return html.unescape(found[1]) if found else None


async def test_every_file_of_many_has_its_download(
    api: Api, browser: httpx.AsyncClient, model: str
) -> None:
    data = {f"part-{at:03}.bin": f"{at}".encode() for at in range(FILES_SHOWN + 2)}
    session = await api.open(model, *(file_of(path, each) for path, each in data.items()))
    for plan in session.files:
        await api.put(plan, data[plan.path])
    await api.ready(session)
    # By any name of the version, the links stay with what it is now.
    first = await page(browser, f"/ui/models/{model}/versions/latest")
    assert f"1 to {FILES_SHOWN} of {FILES_SHOWN + 2} files" in first
    assert link(first, EARLIER, "files") is None
    address = link(first, NEXT, "files")
    assert address is not None
    assert address == f"/ui/models/{model}/versions/1?files={FILES_SHOWN}#files"
    second = await page(browser, address)
    assert 'id="files"' in second
    assert link(second, NEXT, "files") is None
    assert link(second, EARLIER, "files") == f"/ui/models/{model}/versions/1?files=0#files"
    paths = [re.findall(r"download\?path=([^\"]+)\"", text) for text in (first, second)]
    assert [len(each) for each in paths] == [FILES_SHOWN, 2]
    assert {*paths[0], *paths[1]} == set(data)
    last = await browser.get(f"/ui/models/{model}/versions/1/download?path={paths[1][-1]}")
    assert (await api.storage.get(last.headers["location"])).content == data[paths[1][-1]]
    beyond = await page(browser, f"/ui/models/{model}/versions/1?files=5000")
    assert f"There are {FILES_SHOWN + 2} files" in beyond
    assert link(beyond, EARLIER, "files") == address


async def test_a_list_that_fits_has_no_links(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"x", path="m.bin")
    text = await page(browser, f"/ui/models/{model}/versions/1")
    for way in (EARLIER, NEXT):
        assert link(text, way, "files") is None
        assert link(text, way, "edits") is None


async def test_what_is_no_offset_and_no_cursor_is_refused(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"x", path="m.bin")
    below = f"/ui/models/{model}/versions/1"
    for wrong in ("-1", "two", "1.5", "9" * 30, ""):
        for path, name in ((below, "files"), (f"{below}/tensors", "tensors")):
            answer = await browser.get(path, params={name: wrong})
            assert answer.status_code == 422, (path, wrong)
            assert name in answer.text
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
    answer = await browser.get(below, params={"edits": "zzz"})
    assert answer.status_code == 422


async def test_every_edit_of_many_is_on_one_page(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"x", path="m.bin")
    for at in range(EDITS_SHOWN + 2):
        await client.update_version(model, 1, tags={"at": str(at)}, reason=f"because of {at}.")
    first = await page(browser, f"/ui/models/{model}/versions/1")
    address = link(first, EARLIER_EDITS, "edits")
    assert address is not None
    second = await page(browser, address)
    assert link(second, EARLIER_EDITS, "edits") is None
    told = [re.findall(r"because of (\d+)\.", text) for text in (first, second)]
    assert [len(each) for each in told] == [EDITS_SHOWN, 2]
    assert [*told[0], *told[1]] == [str(at) for at in reversed(range(EDITS_SHOWN + 2))]


async def test_every_tensor_of_many_is_on_one_page(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    count = TENSORS_SHOWN + 2
    weights = save({f"layer.{at:03}": np.zeros(1, np.float32) for at in range(count)})
    await client.upload(model, weights, path="m.safetensors")
    first = await page(browser, f"/ui/models/{model}/versions/1/tensors")
    assert f"1 to {TENSORS_SHOWN} of {count} tensors" in first
    address = link(first, NEXT, "tensors")
    assert address is not None
    second = await page(browser, address)
    assert link(second, EARLIER, "tensors") == address.replace(str(TENSORS_SHOWN), "0")
    names = [re.findall(r"<bdi>layer\.(\d+)</bdi>", text) for text in (first, second)]
    assert [len(each) for each in names] == [TENSORS_SHOWN, 2]
    assert sorted([*names[0], *names[1]]) == [f"{at:03}" for at in range(count)]
