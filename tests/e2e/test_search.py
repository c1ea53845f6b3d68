"""Search as users have it: over HTTP, by both clients, and by the command."""

import asyncio
import json

import pytest

from registry import AsyncModelRegistryClient, ModelRegistryClient
from registry.cli import run
from registry.errors import InvalidRequestError
from registry.schemas import Model, VersionSummary
from shared.runtime.settings import Settings
from tests.support.admin import told
from tests.support.api import Api
from tests.support.eventually import eventually
from tests.support.problems import problem


@pytest.fixture
async def seen(client: AsyncModelRegistryClient, model: str) -> dict[str, int]:
    """Three ready versions, the best of which is in production; and the event of that."""
    for number, auc in enumerate((0.7, 0.95, 0.8), 1):
        await client.upload(
            *(model, f"bytes {number}".encode()),
            path="m.bin",
            metrics={"auc": auc},
            tags={"team": "risk" if number < 3 else "growth"},
            description=f"finds fraud, try {number}",
        )
    moved = await client.set_alias(model, "production", 2)
    assert moved.number == 2
    return {model: (await client.get_model_info(model)).sequence}


async def test_both_clients_find_what_was_just_written_in_the_order_asked_for(
    client: AsyncModelRegistryClient, model: str, seen: dict[str, int]
) -> None:
    text = f"name = '{model}'"
    found = client.search(text, order_by=["metrics.auc desc"], min_sequence=seen)
    assert [each.number async for each in found] == [2, 3, 1]
    text += " AND metrics.auc > 0.9 AND alias = production"
    [best] = [each async for each in client.search(text)]
    assert isinstance(best, VersionSummary)
    assert (best.number, best.aliases, best.metrics) == (2, ["production"], {"auc": 0.95})
    [found_model] = [each async for each in client.search(f"name = '{model}'", kind="models")]
    assert isinstance(found_model, Model)
    assert found_model.latest_number == 3


async def test_the_blocking_client_iterates_as_well(
    seen: dict[str, int], model: str, settings: Settings
) -> None:
    def search() -> list[int]:
        with ModelRegistryClient(settings.ingest_url) as client:
            text = f"name = '{model}' AND text HAS 'fraud'"
            found = client.search(text, order_by=["version"], min_sequence=seen)
            return [each.number for each in found]

    assert await asyncio.to_thread(search) == [1, 2, 3]


async def test_what_is_wrong_with_a_filter_is_told_with_its_column(
    client: AsyncModelRegistryClient, api: Api
) -> None:
    with pytest.raises(InvalidRequestError, match=r"expected .* a number.*\(column 15\)"):
        _ = [each async for each in client.search("metrics.auc > ")]
    answer = await api.query.get("/v1/search", params={"filter": "metrics.auc > high"})
    told = problem(answer, 422, "invalid_filter")
    assert (told["column"], told["expected"]) == (15, ["a number"])
    assert told["errors"][0]["field"] == "filter"
    answer = await api.query.get("/v1/search", params={"order_by": "nothing desc"})
    assert problem(answer, 422, "invalid_filter")["errors"][0]["field"] == "order_by"


async def test_nobody_finds_what_they_may_not_read_however_they_ask(
    api: Api, model: str, seen: dict[str, int]
) -> None:
    reader = await api.token(f"reader:{model}")
    other = await api.token("reader:nobody.*")
    sequence = f"{model}:{seen[model]}"
    for text in (f"name = '{model}'", f"NOT name = 'x' AND name LIKE '{model}'", ""):
        for kind in ("versions", "models"):
            for token, count in ((reader, 3 if kind == "versions" else 1), (other, 0)):
                answer = await api.query.get(
                    "/v1/search",
                    params={"filter": text, "kind": kind, "count": True, "min_sequence": sequence},
                    headers={"authorization": f"Bearer {token.token}"},
                )
                page = answer.json()
                told = {each.get("model", each.get("name")) for each in page["items"]}
                assert told <= {model}
                assert (len(page["items"]), page["count"]) == (count, count)
                assert page["count_is_exact"] is True


async def command(*arguments: str) -> int:
    return await asyncio.to_thread(run, arguments)


async def test_the_command_prints_a_table_or_a_document_a_line(
    client: AsyncModelRegistryClient,
    settings: Settings,
    model: str,
    seen: dict[str, int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert [each async for each in client.search(f"name = '{model}'", min_sequence=seen)]
    arguments = ["search", f"name = '{model}'", "--order-by", "metrics.auc desc", "--limit", "2"]
    assert await command(*arguments, "--url", settings.ingest_url) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["MODEL", "NUMBER", "LABEL", "STATE"]
    assert [line.split()[1] for line in lines[1:]] == ["2", "3"]
    assert await command(*arguments, "--json", "--url", settings.ingest_url) == 0
    found = [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()]
    assert found == [2, 3]
    arguments = ["search", f"name = '{model}'", "--kind", "models", "--json"]
    assert await command(*arguments, "--url", settings.ingest_url) == 0
    assert json.loads(capsys.readouterr().out)["name"] == model
    assert await command("search", "metrics.auc >", "--url", settings.ingest_url) == 2
    assert "(column 14)" in capsys.readouterr().err


async def test_an_operator_has_search_checked_and_made_anew(
    api: Api, environment: dict[str, str], model: str, seen: dict[str, int]
) -> None:
    before = (await api.query.get("/health/search")).json()["checked_at"]
    assert (await told(environment, "search", "check"))["request"] == "check"

    async def is_checked() -> bool | None:
        return (await api.query.get("/health/search")).json()["checked_at"] != before or None

    await eventually(is_checked)
    assert (await told(environment, "search", "rebuild"))["request"] == "rebuild"

    async def finds() -> bool | None:
        answer = await api.query.get("/v1/search", params={"filter": f"name = '{model}'"})
        return (answer.status_code == 200 and len(answer.json()["items"]) == 3) or None

    await eventually(finds)
