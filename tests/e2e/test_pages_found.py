"""What helps in finding on pages: namespaces, completion, storage used; as its reader may see."""

import html
import re
from urllib.parse import quote

from pydantic import JsonValue

from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.browser import signed_in, until_found
from tests.support.eventually import eventually


async def uploaded(api: Api, client: AsyncModelRegistryClient, model: str) -> tuple[str, str]:
    """Two namespaces that no other test knows, with a model each."""
    token = model.removeprefix("model-")
    mine, other = f"mine{token}", f"other{token}"
    await client.upload(f"{mine}.a", b"12345", path="m.bin", metrics={f"m{token}": 1})
    await client.upload(f"{mine}.b", b"12345", path="m.bin")
    await client.upload(f"{other}.a", b"1", path="m.bin", metrics={f"n{token}": 1})
    for name in (f"{mine}.a", f"{mine}.b", f"{other}.a"):
        await until_found(api, name)
    return mine, other


async def test_namespaces_lead_to_what_is_in_them(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    mine, _ = await uploaded(api, client, model)
    async with signed_in(api, token_of(settings)) as browser:

        async def told() -> str | None:  # counts are kept for some seconds
            text = (await browser.get("/ui/models")).text
            found = re.search(rf'href="([^"]+)">\s*<bdi>{mine}</bdi></a> <small>2<', text)
            return found[1].replace("&amp;", "&") if found else None

        text = (await browser.get(await eventually(told))).text
        assert f"{mine}.a" in text
        assert f"{mine}.b" in text
        assert re.search(rf'aria-current="page">\s*<bdi>{mine}</bdi>', text)


async def test_a_namespace_is_open_along_the_way_to_what_is_looked_at(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    mine = model.replace("-", "")
    for name in (f"{mine}.eu.north.m", f"{mine}.eu.m", f"{mine}.us.m"):
        await client.upload(name, b"1", path="m.bin")
        await until_found(api, name)
    async with signed_in(api, token_of(settings)) as browser:

        async def told(path: str, label: str, count: int) -> str:
            """The address of a branch of the page at a path."""

            async def look() -> str | None:  # counts are kept for some seconds
                text = (await browser.get(path)).text
                found = re.search(
                    rf'href="([^"]+)"[^>]*><bdi>{label}</bdi></a> <small>{count}<', text
                )
                return html.unescape(found[1]) if found else None

            return await eventually(look)

        space = await told("/ui/models", mine, 3)
        assert await told(space, "us", 1)
        inside = await told(space, "eu", 2)
        deeper = await told(inside, "north", 1)
        text = (await browser.get(deeper)).text
        assert f"{mine}.eu.north.m" in text
        assert f"{mine}.eu.m" not in text
        assert re.search(r'aria-current="page"><bdi>north</bdi>', text)


async def test_what_may_not_be_read_is_in_no_tree_no_count_and_no_completion(
    api: Api, client: AsyncModelRegistryClient, model: str
) -> None:
    mine, other = await uploaded(api, client, model)
    token = await api.token(f"reader:{mine}.*", f"reader:{mine}")
    beginning = model.removeprefix("model-")
    async with signed_in(api, token.token) as browser:
        text = (await browser.get("/ui/")).text
        assert "10 B in 2 versions of 2 models" in text
        for path in ("/ui/", "/ui/models", "/ui/models?kind=versions"):
            assert other not in (await browser.get(path)).text
        for letter, offered in (("m", [f"metrics.m{beginning}"]), ("n", [])):
            asked = {"kind": "versions", "beginning": f"metrics.{letter}{beginning}"}
            answer = await browser.get("/ui/completions", params=asked)
            assert answer.json() == {"items": offered}


async def test_fields_and_entries_are_offered_as_a_filter_writes_them(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    tags = {f"{model} x": "y", f'{model}"z': "y"}
    await client.upload(model, b"x", path="m.bin", tags=tags, parameters={model: 1})
    await until_found(api, model)
    async with signed_in(api, token_of(settings)) as browser:

        async def offered(beginning: str, kind: str = "versions") -> list[str]:
            asked = {"kind": kind, "beginning": beginning}
            return (await browser.get("/ui/completions", params=asked)).json()["items"]

        assert await offered("me") == ["metrics."]
        assert await offered("version", "models") == ["versions"]
        assert await offered("nothing.") == []
        both = [f'tags."{model} x"', f'tags."{model}""z"']
        assert await offered(f"tags.{model}") == both
        assert await offered(f'tags."{model}') == both
        assert await offered(f'tags."{model} ') == both[:1]
        assert await offered(f'tags."{model}""') == both[1:]
        assert await offered(f'parameters."{model}') == [f"params.{model}"]
        assert await offered(f"parameters.{model}") == [f"params.{model}"]
        for wrong in ("a" * 300, "x&kind=odd"):
            answer = await browser.get(f"/ui/completions?beginning={wrong}")
            assert answer.status_code == 422, wrong


async def test_a_column_that_there_is_not_is_named_with_those_that_there_are(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"x", path="m.bin", parameters={"lr": 1}, metrics={"auc": 0.5})
    await until_found(api, model)
    asked = {"kind": "versions", "filter": f"name = '{model}'", "columns": "name,paramz.lr"}
    async with signed_in(api, token_of(settings)) as browser:
        answer = await browser.get("/ui/models", params=asked)
        assert answer.status_code == 200
        found = re.search(r'role="alert">(.*?)</p>', answer.text, re.DOTALL)
        assert found is not None
        assert "Not a column: <bdi>paramz.lr</bdi>; there are name, version" in found[1]
        assert "metrics.NAME, params.NAME, tags.NAME, properties.NAME." in found[1]
        assert answer.text.index(found[0]) < answer.text.index("<table>")
        heads = re.findall(r"<th[^>]*>(.*?)</th>", answer.text)
        assert [re.sub("<[^>]*>", "", each).strip() for each in heads] == ["Compare", "name"]
        asked["columns"] = "name,metrics.auc"
        answer = await browser.get("/ui/models", params=asked)
        assert 'role="alert"' not in answer.text
        assert re.search(r">\s*0\.5\s*</td>", answer.text)


async def test_parameters_are_columns_and_order_the_rows(
    api: Api, settings: Settings, client: AsyncModelRegistryClient, model: str
) -> None:
    optimizers = ("adam", "<b>sgd</b>", "lion")
    for number, name in enumerate(optimizers, 1):
        parameters: dict[str, JsonValue] = {"optimizer": {"name": name}, "nesterov": True}
        parameters |= {"seed": 12_345_670 + number, "layers": [64, 32]}
        await client.upload(model, b"%d" % number, path="model.bin", parameters=parameters)
    await until_found(api, model, len(optimizers))
    path = f"/ui/models?kind=versions&filter=name+%3D+'{model}'"
    names = (
        "version",
        *(f"params.{each}" for each in ("optimizer.name", "nesterov", "seed", "layers")),
    )
    order = quote('params."optimizer.name" desc')
    async with signed_in(api, token_of(settings)) as browser:
        assert "params.optimizer.name" in (await browser.get(path)).text, "it is offered"
        chosen = await browser.get(f"{path}&columns={','.join(names)}&order={order}")
    told = [html.unescape(each) for each in re.findall(r"<bdi>(.*?)</bdi></td>", chosen.text)]
    assert told == [
        *("lion", "true", "12345673", "[64, 32]"),
        *("adam", "true", "12345671", "[64, 32]"),
        *("<b>sgd</b>", "true", "12345672", "[64, 32]"),
    ]
    assert 'aria-sort="descending"' in chosen.text
