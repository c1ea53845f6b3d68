"""Comparisons and charts on pages: what they show, and to whom."""

import re
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.browser import signed_in, until_found


@pytest.fixture
async def browser(api: Api, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, signed in."""
    async with signed_in(api, token_of(settings)) as client:
        yield client


@pytest.fixture
async def compared(api: Api, client: AsyncModelRegistryClient, model: str) -> str:
    """A model of three versions, which differ."""
    for number, (auc, depth, solver) in enumerate(
        ((0.8, 4, "sgd"), (0.85, 6, "adam"), (0.9, 6, "adam")), 1
    ):
        weights = save({"head": np.full((4, 2), number, np.float32), "bias": np.zeros(2)})
        await client.upload(
            model,
            weights,
            path="m.safetensors",
            metrics={"auc": auc, "loss": 1 / number},
            parameters={"depth": depth, "solver": solver},
            tags={"team": "risk"},
        )
    await until_found(api, model, 3)
    return model


def rows_of(page: str, section: str) -> list[str]:
    """The rows of a table, as text."""
    found = re.search(rf'aria-label="{section}".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert found is not None, section
    rows = re.findall(r"<tr.*?</tr>", found[1], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", each).split()) for each in rows]


async def test_what_differs_comes_first_in_each_list(
    browser: httpx.AsyncClient, compared: str
) -> None:
    path = f"/ui/models/{compared}/compare?versions=1&versions=3"
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    metadata = rows_of(answer.text, "Metadata")
    assert "changed metrics.auc 0.8 0.9" in metadata
    assert metadata.index("changed metrics.auc 0.8 0.9") < metadata.index(
        "same tags.team risk risk"
    )
    [file] = rows_of(answer.text, "Files")
    assert file.startswith("changed m.safetensors")
    assert rows_of(answer.text, "Tensors") == [
        "changed bytes head F32 [4, 2] F32 [4, 2]",
        "same bias F64 [2] F64 [2]",
    ]


async def test_versions_are_lines_over_what_differs(
    browser: httpx.AsyncClient, compared: str
) -> None:
    names = "&".join(f"versions={each}" for each in ("1", "2", "latest"))
    text = (await browser.get(f"/ui/models/{compared}/compare?{names}")).text
    drawing = re.search(r'<svg class="chart" role="img".*?</svg>', text, re.DOTALL)
    assert drawing is not None
    assert re.findall(r"<title>(\w.*?)</title>", drawing[0]) == [
        *("Version 1", "Version 2", "Version 3"),
        *("metrics.auc", "metrics.loss", "parameters.depth", "parameters.solver"),
    ]
    assert {"adam", "sgd"} <= set(re.findall(r">(\w+)</text>", drawing[0]))


async def test_ticked_versions_lead_to_their_comparison(
    browser: httpx.AsyncClient, compared: str
) -> None:
    found = (await browser.get(f"/ui/models?kind=versions&filter=name='{compared}'")).text
    ticked = re.findall(r'name="pick" value="([^"]+)"', found)
    assert set(ticked) == {f"{compared}/{number}" for number in (1, 2, 3)}
    answer = await browser.get("/ui/compare", params={"pick": ticked[:2]})
    assert answer.status_code == 303
    assert (await browser.get(answer.headers["location"])).status_code == 200
    text = (await browser.get(f"/ui/models/{compared}")).text
    assert re.findall(r'name="versions" value="(\d)"', text) == ["3", "2", "1"]


async def test_a_model_shows_its_metrics_over_its_versions(
    browser: httpx.AsyncClient, compared: str
) -> None:
    text = (await browser.get(f"/ui/models/{compared}")).text
    charts = re.findall(r'<figure class="trend">.*?</figure>', text, re.DOTALL)
    assert [re.findall(r"<bdi>(.*?)</bdi>", each)[0] for each in charts] == ["auc", "loss"]
    assert re.findall(r"<title>(.*?)</title>", charts[0]) == ["1: 0.8", "2: 0.85", "3: 0.9"]
    assert "From 0.8 in version 1 to 0.9 in version 3" in charts[0]


async def test_what_is_no_comparison_is_refused(browser: httpx.AsyncClient, compared: str) -> None:
    below = f"/ui/models/{compared}/compare"
    eleven = "&".join(f"versions={number}" for number in range(11))
    for path in (
        *(below, f"{below}?versions=1", f"{below}?{eleven}", f"{below}?versions=1&versions=%00"),
        *("/ui/compare", f"/ui/compare?pick={compared}/1", "/ui/compare?pick=1&pick=2"),
        f"/ui/compare?pick={compared}/1&pick=other/1",
        f"{below}?versions=1&versions={'a' * 300}",
    ):
        answer = await browser.get(path)
        assert answer.status_code == 422, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path
    assert (await browser.get(f"{below}?versions=1&versions=77")).status_code == 404


async def test_who_may_not_read_a_model_compares_nothing_of_it(
    api: Api, browser: httpx.AsyncClient, compared: str
) -> None:
    token = await api.token("reader:elsewhere.*")
    assert (await browser.post("/ui/sign-in", data={"token": token.token})).status_code == 303
    for path in (
        "/ui/models/{}/compare?versions=1&versions=2",
        "/ui/compare?pick={0}/1&pick={0}/2",
    ):
        answer = await browser.get(path.format(compared))
        missing = await browser.get(path.format("no-such-model"))
        assert answer.status_code == missing.status_code == 404
        assert answer.text.replace(compared, "no-such-model") == missing.text


async def test_lineage_is_a_graph_whose_boxes_lead_to_their_versions(
    api: Api, browser: httpx.AsyncClient, client: AsyncModelRegistryClient, model: str
) -> None:
    base, secret = f"risk.{model}", f"secret.{model}"
    await client.upload(base, b"base", path="m.bin")
    await client.upload(secret, b"secret", path="m.bin")
    parents = [f"{base}@1", f"{secret}@1"]
    await client.upload(model, b"tuned", path="m.bin", lineage={"parents": parents})
    child = f"risk.{model}-small"
    await client.upload(child, b"small", path="m.bin", lineage={"parents": [f"{model}@1"]})
    text = (await browser.get(f"/ui/models/{model}/versions/1")).text
    graph = re.search(r'<div class="scroll graph".*?</svg>', text, re.DOTALL)
    assert graph is not None
    assert set(re.findall(r'href="([^"]+)"', graph[0])) == {
        f"/ui/models/{each}/versions/1" for each in (base, secret, child)
    }
    token = await api.token(f"reader:{model}", "reader:risk.*")
    assert (await browser.post("/ui/sign-in", data={"token": token.token})).status_code == 303
    text = (await browser.get(f"/ui/models/{model}/versions/1")).text
    assert secret not in text
    assert base in text
    assert "not yours to see" in text
