"""Reads: discovery, finding versions, pages, and waiting for one to settle."""

import asyncio
import base64

import pytest

from registry.schemas import Discovery, Version
from shared.runtime.settings import Settings
from tests.support.api import Api, file_of
from tests.support.problems import broken_rule, problem

FILE = file_of("model.bin", b"bytes")


def encoded(text: str) -> str:
    """A cursor of this text, in the form of those that a list gives."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def test_either_service_tells_the_addresses_of_everything(
    api: Api, settings: Settings
) -> None:
    for client in (api.ingest, api.query):
        found = Discovery.model_validate_json((await client.get("/v1")).content)
        assert found.ingest_url == f"http://localhost:{settings.registry_port}"
        assert found.query_url == f"http://localhost:{settings.query_port}"
        assert found.events.bootstrap_servers == settings.kafka_bootstrap_servers
        assert found.events.topic == settings.kafka_model_events_topic


async def test_a_version_is_found_by_number_label_ids_and_as_the_latest(
    api: Api, model: str
) -> None:
    session = await api.open(model, FILE, version="1.0.0", client_id=f"run of {model}")
    await api.put(session.files[0], b"bytes")
    expected = await api.ready(session)
    await api.open(model, FILE)  # a later one that is not ready

    for name in ("1", "1.0.0", "latest"):
        assert await api.version(model, name) == expected
    for version_id in (session.version_id, f"run of {model}"):
        answer = await api.query.get(f"/v1/versions/{version_id}")
        assert Version.model_validate_json(answer.content) == expected


async def test_a_model_tells_its_latest_number_and_counts_its_versions(
    api: Api, model: str
) -> None:
    session = await api.open(model, FILE)
    await api.open(model, FILE)
    await api.put(session.files[0], b"bytes")
    await api.ready(session)
    found = (await api.query.get(f"/v1/models/{model}")).json()
    assert (found["name"], found["latest_number"], found["version_count"]) == (model, 1, 2)
    assert found["sequence"] == 3


async def test_who_waits_for_a_version_is_answered_when_it_settles(api: Api, model: str) -> None:
    other = await api.open(f"{model}.other", FILE)
    session = await api.open(model, FILE)
    # The control waits for a version that does not settle yet. It was asked first with the same
    # limit, so only a wake-up can answer the other one before it.
    control = asyncio.create_task(api.version(other.model, 1, wait=30))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(api.version(model, 1, wait=30))
    await api.put(session.files[0], b"bytes")
    done, _ = await asyncio.wait([control, waiting], return_when=asyncio.FIRST_COMPLETED)
    assert done == {waiting}
    assert waiting.result().state == "ready"
    await api.put(other.files[0], b"bytes")
    assert (await control).state == "ready"


async def test_a_wait_that_ends_in_vain_answers_the_state_as_it_is(api: Api, model: str) -> None:
    await api.open(model, FILE)
    assert (await api.version(model, 1, wait=0.1)).state == "pending"


async def test_pages_of_versions_stay_true_while_versions_are_added(api: Api, model: str) -> None:
    for _ in range(5):
        await api.open(model, FILE)
    numbers: list[list[int]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await api.query.get(
            f"/v1/models/{model}/versions", params={"limit": 2, "cursor": cursor}
        )
        page = answer.json()
        numbers.append([item["number"] for item in page["items"]])
        cursor = page["next_cursor"]
        await api.open(model, FILE)
    assert numbers == [[5, 4], [3, 2], [1]]


async def test_a_list_tells_summaries_without_files(api: Api, model: str) -> None:
    await api.open(model, FILE, file_of("b.bin", b"b"), metrics={"auc": 0.5}, parameters={"a": 1})
    [item] = (await api.query.get(f"/v1/models/{model}/versions")).json()["items"]
    assert (item["number"], item["file_count"], item["size_bytes"]) == (1, 2, 6)
    assert item["metrics"] == {"auc": 0.5}
    assert not {"artifacts", "parameters", "properties"} & item.keys()


async def test_a_page_is_bounded_in_bytes_and_the_next_one_goes_on(api: Api, model: str) -> None:
    large = {f"tag {n}": "x" * 20_000 for n in range(10)}
    for _ in range(7):
        await api.open(model, FILE, tags=large)
    numbers: list[list[int]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await api.query.get(
            f"/v1/models/{model}/versions", params={"limit": 500, "cursor": cursor}
        )
        assert len(answer.content) < 2_000_000
        numbers.append([item["number"] for item in answer.json()["items"]])
        cursor = answer.json()["next_cursor"]
    assert len(numbers) > 1
    assert [number for page in numbers for number in page] == [7, 6, 5, 4, 3, 2, 1]


async def test_models_are_listed_once_each_in_order_of_their_names(api: Api, model: str) -> None:
    mine = [f"{model}.{letter}" for letter in "bca"]
    for name in mine:
        await api.open(name, FILE)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.query.get("/v1/models", params={"limit": 3, "cursor": cursor})).json()
        assert len(page["items"]) <= 3
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == sorted(set(seen))
    assert [name for name in seen if name.startswith(model)] == sorted(mine)


@pytest.mark.parametrize(
    "cursor",
    ["%%%", "bm8", "é", encoded("9" * 19), encoded(str(2**63)), encoded("9" * 30), encoded("²")],
)
async def test_a_cursor_that_no_page_gave_is_refused(api: Api, model: str, cursor: str) -> None:
    await api.open(model, FILE)
    answer = await api.query.get(f"/v1/models/{model}/versions", params={"cursor": cursor})
    assert broken_rule(answer, "cursor") == "is not one that this list gave"


async def test_a_version_that_is_not_ready_has_no_downloads(api: Api, model: str) -> None:
    await api.open(model, FILE)
    answer = await api.query.get(f"/v1/models/{model}/versions/1/downloads")
    assert problem(answer, 409, "version_not_ready")["state"] == "pending"


async def test_all_files_are_signed_at_once_or_one_by_its_path(api: Api, model: str) -> None:
    session = await api.open(model, FILE, file_of("b/c.bin", b"other"))
    for plan, data in zip(session.files, (b"bytes", b"other"), strict=True):
        await api.put(plan, data)
    await api.ready(session)
    address = f"/v1/models/{model}/versions/latest/downloads"
    found = (await api.query.get(address)).json()
    assert (found["model"], found["number"]) == (model, 1)
    assert [file["path"] for file in found["files"]] == ["model.bin", "b/c.bin"]
    assert [file["size_bytes"] for file in found["files"]] == [5, 5]
    assert await api.download(model, 1, "b/c.bin") == b"other"
    answer = await api.query.get(address, params={"path": "c.bin"})
    assert "c.bin" in problem(answer, 404, "file_not_found")["detail"]


async def test_a_text_that_is_no_version_is_refused(api: Api, model: str) -> None:
    await api.open(model, FILE)
    answer = await api.query.get(f"/v1/models/{model}/versions/0")
    assert "from 1 to" in broken_rule(answer, "version")


async def test_what_does_not_exist_is_named(api: Api, model: str) -> None:
    answer = await api.query.get(f"/v1/models/{model}")
    assert model in problem(answer, 404, "model_not_found")["detail"]
    answer = await api.query.get(f"/v1/models/{model}/versions/1")
    problem(answer, 404, "model_not_found")
    answer = await api.query.get(f"/v1/models/{model}/versions")
    problem(answer, 404, "model_not_found")
    await api.open(model, FILE)
    for version in ("2", "no-such-label", "latest"):
        answer = await api.query.get(f"/v1/models/{model}/versions/{version}")
        assert version in problem(answer, 404, "version_not_found")["detail"]
    problem(await api.query.get("/v1/versions/none"), 404, "version_not_found")
    problem(await api.query.get("/v1/nothing"), 404, "not_found")
