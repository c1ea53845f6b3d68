"""Ids of repositories in paths."""

import httpx
import pytest
from fastapi import FastAPI

from shared.domain.errors import NotFound
from shared.web.repo_paths import model_of


def routed() -> httpx.AsyncClient:
    app = FastAPI()

    @app.get("/{repo:repo}/resolve/{revision}/{path:path}")
    async def resolve(repo: str, revision: str, path: str) -> list[str]:  # pyright: ignore[reportUnusedFunction]
        return ["resolve", repo, revision, path]

    @app.get("/api/models/{repo:repo}/tree/{revision}")
    async def tree(repo: str, revision: str) -> list[str]:  # pyright: ignore[reportUnusedFunction]
        return ["tree", repo, revision]

    @app.get("/api/models/{repo:repo}/refs")
    async def refs(repo: str) -> list[str]:  # pyright: ignore[reportUnusedFunction]
        return ["refs", repo]

    @app.get("/api/models/{repo:repo}")
    async def info(repo: str) -> list[str]:  # pyright: ignore[reportUnusedFunction]
        return ["info", repo]

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/churn/resolve/main/a/b.bin", ["resolve", "churn", "main", "a/b.bin"]),
        ("/risk/churn/resolve/%40p/a", ["resolve", "risk/churn", "@p", "a"]),
        ("/risk/churn/resolve/1/resolve/2/x", ["resolve", "risk/churn", "1", "resolve/2/x"]),
        ("/churn/resolve/1/resolve/2/x", ["resolve", "churn", "1", "resolve/2/x"]),
        ("/api/models/churn", ["info", "churn"]),
        ("/api/models/risk/churn", ["info", "risk/churn"]),
        ("/api/models/risk/refsx", ["info", "risk/refsx"]),
        ("/api/models/churn/refs", ["refs", "churn"]),
        ("/api/models/risk/churn/refs", ["refs", "risk/churn"]),
        ("/api/models/churn/tree/refs", ["tree", "churn", "refs"]),
        ("/api/models/risk/churn/tree/main", ["tree", "risk/churn", "main"]),
    ],
)
async def test_an_id_ends_where_a_word_of_the_protocol_follows(path: str, found: list[str]) -> None:
    async with routed() as client:
        assert (await client.get(path)).json() == found


async def test_no_id_has_three_parts() -> None:
    async with routed() as client:
        for path in ("/a/b/c/resolve/main/x", "/api/models/a/b/c"):
            assert (await client.get(path)).status_code == 404


def test_an_id_that_can_be_no_models_is_not_found_and_why() -> None:
    assert model_of("risk/churn") == "risk.churn"
    with pytest.raises(NotFound, match="'models', which is reserved") as caught:
        model_of("models/churn")
    assert caught.value.code == "model_not_found"
