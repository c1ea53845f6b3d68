"""MLflow's own clients against the registry's address: what a team that uses MLflow sees."""

import asyncio
from pathlib import Path

import pytest
from pydantic import JsonValue

from registry import AsyncModelRegistryClient
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.client_environments import versions_of
from tests.support.mlflow_client import (
    NEWEST,
    OLD,
    run_script,
    skinny,
    with_plugin,
    write_model,
)
from tests.support.system import System

MLFLOW = "/mlflow/api/2.0/mlflow"


def registry_of(settings: Settings) -> dict[str, str]:
    return {
        "MLFLOW_REGISTRY_URI": f"{settings.query_url}/mlflow",
        "MLFLOW_TRACKING_TOKEN": token_of(settings),
    }


@pytest.fixture
async def two_versions(client: AsyncModelRegistryClient, model: str, tmp_path: Path) -> str:
    """A model whose first version was made by a run, and whose second one is in production."""
    first = write_model(tmp_path / "first", 2)
    run = {"run": f"run-of-{model}"}
    tags = {"team%2Eowner": "risk", "stage": "candidate"}
    await client.upload(model, first, tags=tags, lineage=run, description="The first.")
    await client.upload(
        model, write_model(tmp_path / "second", 3), tags={"mlflow_run_id": f"run-of-{model}"}
    )
    await client.set_alias(model, "production", 2)
    await client.update_model(model, description="Said here.")
    return model


@pytest.mark.parametrize("version", versions_of(NEWEST, OLD))
async def test_a_stock_client_loads_looks_up_searches_tags_and_moves(
    two_versions: str,
    version: str,
    settings: Settings,
    client: AsyncModelRegistryClient,
    tmp_path: Path,
) -> None:
    model = two_versions
    programs = await asyncio.to_thread(skinny, version)
    told = await asyncio.to_thread(
        run_script, programs, "stock", model, folder=tmp_path, environment=registry_of(settings)
    )
    assert told["version"] == version
    assert told["loaded"] == {"@production": [3, 6], "/1": [2, 4], "/2": [3, 6], "/latest": [3, 6]}
    assert told["files"] == ["MLmodel", "code/times_2.py", "notes/read me.txt"] or told[
        "files"
    ] == ["MLmodel", "code/times_2.py", "notes/read me.txt", "registered_model_meta"]
    assert told["model"] == {
        "description": "Said here.",
        "latest": ["2"],
        "aliases": {"production": "2"},
    }
    assert told["one"] == {
        "status": "READY",
        "stage": "None",
        "run_id": f"run-of-{model}",
        "tags": {"team.owner": "risk", "stage": "candidate"},
        "description": "The first.",
        "aliases": [],
    }
    assert told["versions"] == {
        "by name": ["1", "2"],
        "by number": ["2"],
        "by tag": ["1"],
        "by tag, like": ["1"],
        "by run": ["2"],
    }
    assert told["pages"] == ["2", "1"]
    assert told["models"] == [model]
    assert told["champion"] == ["2", {"validation.status": "passed"}, "Said by MLflow."]
    assert told["made"] == [f"{model}.made", {"a.b": "c"}, "Before any version."]
    assert told["empty"] == [[], {"a.b": "c"}, "Still without a version."]
    assert told["copied"] == [f"{model}.made", "1", {"validation.status": "passed"}]
    codes = {name: each.partition(":")[0] for name, each in told["refused"].items()}
    assert codes == {
        "missing model": "RESOURCE_DOES_NOT_EXIST",
        "missing version": "RESOURCE_DOES_NOT_EXIST",
        "missing alias": "RESOURCE_DOES_NOT_EXIST",
        "deleted": "RESOURCE_DOES_NOT_EXIST",
        "made twice": "RESOURCE_ALREADY_EXISTS",
        "bad name": "INVALID_PARAMETER_VALUE",
        "rename": "INVALID_PARAMETER_VALUE",
        "delete": "INVALID_PARAMETER_VALUE",
        "stage": "INVALID_PARAMETER_VALUE",
        "source": "INVALID_PARAMETER_VALUE",
        "filter": "INVALID_PARAMETER_VALUE",
        "order": "INVALID_PARAMETER_VALUE",
        "aliased": "RESOURCE_CONFLICT",
    }
    assert "registry+http" in told["refused"]["source"], "it says what to do"
    # What it changed is there as if it had been changed by our own client.
    second = await client.get_version(model, 2)
    assert second.tags["validation%2Estatus"] == "passed"
    assert second.description == "Said by MLflow."
    assert (await client.get_alias(model, "champion")).number == 2
    assert (await client.get_model_info(model)).tags == {"cost%2Ecentre": "12"}


async def test_what_was_said_of_a_model_before_its_first_version_is_told_with_that(
    api: Api, client: AsyncModelRegistryClient, system: System, model: str
) -> None:
    body = {"name": model, "description": "First words.", "tags": [{"key": "a", "value": "b"}]}
    made = await api.query.post(f"{MLFLOW}/registered-models/create", json=body)
    assert made.status_code == 200, made.text
    tag = {"name": model, "key": "c", "value": "d"}
    assert (await api.query.post(f"{MLFLOW}/registered-models/set-tag", json=tag)).is_success
    found = await client.get_model_info(model)
    assert (found.version_count, found.sequence, found.revision) == (0, 0, 1)
    await client.upload(model, b"bytes")
    found = await client.get_model_info(model)
    assert (found.description, found.tags, found.revision) == (
        "First words.",
        {"a": "b", "c": "d"},
        2,
    )
    [edit] = [each async for each in client.model_edits(model)]
    assert (edit.revision, edit.before, edit.by) == (2, {"description": ""}, "administrator")
    assert edit.after == {"description": "First words.", "tags": {"a": "b", "c": "d"}}
    assert (edit.sequence, found.sequence) == (2, 3), "created, said, ready"
    assert (await client.update_model(model, tags={"e": "f"})).revision == 3


async def test_who_may_not_know_of_a_model_is_told_that_it_is_not_there(
    api: Api, two_versions: str
) -> None:
    model = two_versions
    elsewhere = (await api.token("maintainer:elsewhere.*")).token
    reader = (await api.token(f"reader:{model}")).token
    paths = {
        f"{MLFLOW}/registered-models/get": {"name": model},
        f"{MLFLOW}/registered-models/alias": {"name": model, "alias": "production"},
        f"{MLFLOW}/model-versions/get": {"name": model, "version": "1"},
        f"{MLFLOW}/model-versions/get-download-uri": {"name": model, "version": "1"},
        "/mlflow/api/2.0/mlflow-artifacts/artifacts": {"path": f"{model}/1"},
        f"/mlflow/api/2.0/mlflow-artifacts/artifacts/{model}/1/MLmodel": {},
    }
    for path, query in paths.items():
        hidden = await api.query.get(
            path, params=query, headers={"authorization": f"Bearer {elsewhere}"}
        )
        assert hidden.status_code == 404, path
        assert hidden.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
        told = await api.query.get(
            path, params=query, headers={"authorization": f"Bearer {reader}"}
        )
        assert told.status_code in (200, 302), path
    for path in ("registered-models", "model-versions"):
        answer = await api.query.get(
            f"{MLFLOW}/{path}/search", headers={"authorization": f"Bearer {elsewhere}"}
        )
        assert [each for each in answer.json().values() if each] == []
    tag = {"name": model, "version": "1", "key": "a", "value": "b"}
    refused = await api.query.post(
        f"{MLFLOW}/model-versions/set-tag",
        json=tag,
        headers={"authorization": f"Bearer {reader}"},
    )
    assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert refused.json()["missing_grant"] == f"writer:{model}"


async def test_no_byte_of_a_file_passes_through_query(api: Api, two_versions: str) -> None:
    path = f"/mlflow/api/2.0/mlflow-artifacts/artifacts/{two_versions}/1/code/times_2.py"
    answer = await api.query.get(path)
    assert answer.status_code == 302
    assert answer.content == b""
    sent = await api.storage.get(answer.headers["location"])
    assert sent.text.startswith("class Times")


async def test_a_version_of_a_file_without_a_byte_is_told_with_it(
    api: Api, client: AsyncModelRegistryClient, model: str
) -> None:
    listed: dict[str, JsonValue] = {"mlflow_empty_files": ["code/__init__.py", "../x", 3]}
    await client.upload(model, b"bytes", path="code/model.py", properties=listed)
    base = "/mlflow/api/2.0/mlflow-artifacts/artifacts"
    told = await api.query.get(base, params={"path": f"{model}/1/code"})
    assert told.json()["files"] == [
        {"path": "__init__.py", "is_dir": False, "file_size": 0},
        {"path": "model.py", "is_dir": False, "file_size": 5},
    ]
    top = await api.query.get(base, params={"path": f"{model}/1"})
    assert top.json()["files"] == [{"path": "code", "is_dir": True}]
    empty = await api.query.get(f"{base}/{model}/1/code/__init__.py")
    assert (empty.status_code, empty.content) == (200, b"")


@pytest.mark.parametrize("version", [NEWEST, OLD])
async def test_with_the_plugin_models_are_registered_from_wherever_they_are(
    version: str,
    settings: Settings,
    client: AsyncModelRegistryClient,
    model: str,
    tmp_path: Path,
) -> None:
    folder = write_model(tmp_path / "first", 2)
    (folder / "code" / "__init__.py").touch()
    programs = await asyncio.to_thread(with_plugin, version)
    environment = {
        "MLFLOW_REGISTRY_URI": f"registry+{settings.ingest_url}",
        "REGISTRY_TOKEN": token_of(settings),
        "REGISTRY_ORIGINS": settings.query_url,
    }
    told = await asyncio.to_thread(
        run_script,
        *(programs, "plugin", model, str(folder)),
        folder=tmp_path,
        environment=environment,
    )
    assert told["version"] == version
    count = 4 if version.startswith("3") else 3
    made = ["1", *map(str, range(3, count + 1))]
    assert told["made"] == [[number, "READY"] for number in made], "2 is what log_model made"
    assert told["runs"] == ["", *[told["run_id"]] * (count - 1)]
    assert told["copied"] == [f"{model}.copied", "1"]
    assert told["tags"] == {"from.where": "a folder"}
    assert told["loaded"] == {
        f"{model}/1": [2, 4],
        f"{model}@production": [2, 3],
        f"{model}/latest": [2, 3],
        f"{model}.copied/1": [2, 4],
    }
    assert told["code"] == ["__init__.py", "times_2.py"], "files without a byte come back"
    assert told["listed"] == ["MLmodel", "code", "notes"]
    assert "no-such-folder" in told["refused"]
    second = await client.get_version(model, 3)
    assert second.metrics == {"val%2Eauc": 0.93}
    assert second.parameters == {"depth": "7"}
    assert second.tags["mlflow_run_id"] == told["run_id"]
