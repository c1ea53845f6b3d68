"""What pages say of versions and models, word by word, from uploads as people make them."""

import html
import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from registry import AsyncModelRegistryClient
from registry.schemas import Rules, Version
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of, sha256_of
from tests.support.browser import signed_in, until_found
from tests.support.pages import panel_of, read, rows_in

WEIGHTS = save(
    {
        "head.weight": np.ones((4, 2), np.float32),
        "head.bias": np.zeros(2, np.float16),
        "steps": np.array(7, np.int64),
    }
)
COPIED = re.compile(r'data-copy="([^"]*)"')


@pytest.fixture
async def browser(api: Api, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, signed in."""
    async with signed_in(api, token_of(settings)) as client:
        yield client


@pytest.fixture
async def rejected(api: Api, model: str) -> Version:
    """A version whose file is cut off."""
    session = await api.open(model, file_of("m.safetensors", WEIGHTS[:-1]))
    await api.put(session.files[0], WEIGHTS[:-1])
    version = await api.version(model, session.number, wait=30)
    assert version.state == "rejected"
    assert version.reasons
    return version


async def page(browser: httpx.AsyncClient, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_tensors_have_their_names_types_shapes_sizes_and_files(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, WEIGHTS, path="m.safetensors")
    below = f"/ui/models/{model}/versions/1"
    text = await page(browser, f"{below}/tensors")
    assert "3 tensors, 11 parameters, 44 B" in read(text)
    assert f'href="{below}/tensors"' in panel_of(await page(browser, below), "Files")
    heads, *rows = rows_in(text)
    assert heads == "Name Type Shape Size File"
    assert sorted(rows) == [
        "head.bias F16 2 4 B m.safetensors",
        "head.weight F32 4 \N{MULTIPLICATION SIGN} 2 32 B m.safetensors",
        "steps I64 8 B m.safetensors",  # a scalar has no shape
    ]


async def test_a_rejected_version_tells_why_and_offers_nothing_to_fetch(
    browser: httpx.AsyncClient, rejected: Version
) -> None:
    text = await page(browser, f"/ui/models/{rejected.model}/versions/1")
    [reason] = rejected.reasons
    assert reason.code == "safetensors_size_mismatch"
    assert "243" in reason.detail
    assert read(panel_of(text, "Findings")) == f"Findings {reason.code} {reason.detail}"
    assert "/download?path=" not in text
    assert panel_of(text, "Fetch it") == ""


async def test_the_overview_tells_what_was_rejected_and_why(
    api: Api, browser: httpx.AsyncClient, rejected: Version
) -> None:
    await until_found(api, rejected.model)
    rows = rows_in(panel_of(await page(browser, "/ui/"), "Rejected"))
    [row] = [each for each in rows if rejected.model in each]
    [reason] = rejected.reasons
    created = f"{rejected.created_at:%Y-%m-%d %H:%M:%S}"
    assert row == f"{rejected.model} 1 {reason.code} {reason.detail} {created}"


async def test_edits_tell_when_who_why_and_what(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"x", path="m.bin", tags={"team": "risk"})
    await client.update_version(model, 1, tags={"team": "fraud"}, reason="they took it over")
    await client.update_version(model, 1, description="who leaves")
    second, first = [each async for each in client.version_edits(model, 1)]
    panel = panel_of(await page(browser, f"/ui/models/{model}/versions/1"), "Edits")
    at = [f"{each.at:%Y-%m-%d %H:%M:%S} by administrator" for each in (second, first)]
    assert [read(each) for each in re.findall(r"<li>.*?</li>", panel, re.DOTALL)] == [
        f'{at[0]} What changed {{"description": ""}} {{"description": "who leaves"}}',
        f"{at[1]} : they took it over What changed"
        ' {"tags": {"team": "risk"}} {"tags": {"team": "fraud"}}',
    ]


async def test_rules_tell_what_holds_and_from_which_scope(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient
) -> None:
    namespace = f"n{uuid4().hex[:12]}"
    model = f"{namespace}.churn"
    await client.upload(model, b"x", path="m.bin")
    assert panel_of(await page(browser, f"/ui/models/{model}"), "Rules") == ""
    await client.set_rules(f"{namespace}.*", Rules(allowed_formats=["onnx", "unknown"]))
    await client.set_rules(model, Rules(immutable_labels=True))
    assert rows_in(panel_of(await page(browser, f"/ui/models/{model}"), "Rules")) == [
        f'allowed_formats ["onnx", "unknown"] from {namespace}.*',
        f"immutable_labels true from {model}",
    ]


async def test_buttons_copy_what_stands_beside_them(
    browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(f"risk.{model}", b"x", path="m.bin")
    text = await page(browser, f"/ui/models/risk.{model}/versions/1")
    files = panel_of(text, "Files")
    assert COPIED.findall(files) == [sha256_of(b"x")]
    assert f'<code class="digest">{sha256_of(b"x")}</code>' in files
    panel = panel_of(text, "Fetch it")
    names = [read(each) for each in re.findall(r"<summary>.*?</summary>", panel)]
    assert names == ["Python", "Command", "curl", "fsspec", "MLflow", "Hugging Face"]
    shown = re.findall(r"<pre><code>(.*?)</code></pre>", panel, re.DOTALL)
    copied = COPIED.findall(panel)
    assert [html.unescape(each) for each in copied] == [html.unescape(each) for each in shown]
    assert len(shown) == len(names)
    # As a repository of Hugging Face, a model of a namespace has a slash in its name.
    wanted = [f"risk.{model}"] * 5 + [f"risk/{model}"]
    assert [each for each, text in zip(wanted, shown, strict=True) if each not in text] == []
