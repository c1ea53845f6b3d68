"""A server that answers anything at all: what it spoils is one model or version, never the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from registry._certificates import find_certificates
from registry._retry import RetryPolicy
from registry.errors import RegistryError
from registry.importing.mlflow.artifacts import fetch_files
from registry.importing.mlflow.server import MlflowServer
from registry.importing.mlflow.source import MlflowSource
from registry.importing.sources import FoundModel, ImportRefused
from tests.unit.endless import CHUNK, Endless

ADDRESS = "http://mlflow.test"
PLACE = "mlflow-artifacts:/1/model"


def serving(answer: Callable[[httpx.Request], httpx.Response]) -> MlflowServer:
    retry = RetryPolicy(attempts=1)
    return MlflowServer(ADDRESS, find_certificates(), retry, httpx.MockTransport(answer))


def listing(files: Any, content: httpx.Response | None = None) -> MlflowServer:
    """A server that lists these files in each folder, and answers this for each of them."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/artifacts"):
            is_root = request.url.params["path"] == "1/model"
            return httpx.Response(200, json={"files": files if is_root else [{"path": "w"}]})
        return content or httpx.Response(200, content=b"weights")

    return serving(answer)


@pytest.mark.parametrize(
    "files",
    [
        3,
        ["w"],
        [{}],
        [{"path": "w", "file_size": "many"}],
        [{"path": "w", "file_size": []}],
        [{"path": ".."}],
        [{"path": "w" * 400}],
        [{"path": "w"}, {"path": "w", "is_dir": True}],
    ],
    ids=str,
)
async def test_a_listing_that_makes_no_folder_is_refused(files: Any, tmp_path: Path) -> None:
    with pytest.raises((ImportRefused, RegistryError)):
        await fetch_files(listing(files), PLACE, tmp_path, None)


async def test_no_more_of_a_file_is_written_than_was_listed(tmp_path: Path) -> None:
    endless = Endless()
    server = listing([{"path": "w", "file_size": 100}], httpx.Response(200, stream=endless))
    with pytest.raises(RegistryError, match="bytes or more, and not 100"):
        await fetch_files(server, PLACE, tmp_path, None)
    assert endless.sent == len(CHUNK)
    assert (tmp_path / "w").stat().st_size == 0


@pytest.mark.parametrize("location", ["http://[::1", "/again"])
async def test_a_redirection_to_nowhere_is_an_error_of_ours(location: str, tmp_path: Path) -> None:
    content = httpx.Response(302, headers={"location": location})
    with pytest.raises(RegistryError):
        await fetch_files(listing([{"path": "w"}], content), PLACE, tmp_path, None)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"[" * 200_000),
        httpx.Response(200, content=b"x", headers={"content-encoding": "gzip"}),
        httpx.Response(200, json={"model_versions": {"a": 1}}),
        httpx.Response(200, json={"model_versions": [{"name": "m"}]}),
        httpx.Response(200, json={"model_versions": [{"name": "m", "version": "one"}]}),
        httpx.Response(200, json={"model_versions": [{"name": "m", "version": 1, "tags": [3]}]}),
        httpx.Response(200, json={"model_versions": [], "next_page_token": "same"}),
    ],
    ids=lambda each: str(each.content[:60]),
)
async def test_a_list_of_versions_that_cannot_be_read_ends_with_an_error_of_ours(
    answer: httpx.Response,
) -> None:
    server = serving(lambda _: answer)
    with pytest.raises(RegistryError):
        _ = [each async for each in MlflowSource(server, server).versions(FoundModel("m"))]


async def test_a_model_that_is_deleted_while_models_are_listed_is_passed_over() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/search"):
            return httpx.Response(200, json={"registered_models": [{"name": "a"}, {"name": "b"}]})
        if request.url.params["name"] == "a":
            return httpx.Response(404, json={"message": "gone"})
        return httpx.Response(200, json={"registered_model": {"name": "b"}})

    server = serving(answer)
    assert [each.name async for each in MlflowSource(server, server).models()] == ["b"]
