"""A route that is asked by its path alone answers as it does through FastAPI's general way."""

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response
from pydantic import BaseModel

from shared.web.path_route import PathRoute


class Thing(BaseModel):
    name: str
    size: float
    asker: str


async def asker(request: Request) -> str:
    if "refused" in request.headers:
        raise HTTPException(401)
    return request.headers.get("x-asker", "nobody")


router = APIRouter(route_class=PathRoute)


@router.get("/things/{name}/{part}")
async def find(
    name: str,
    part: str,
    who: Annotated[str, Depends(asker)],
    request: Request,
    response: Response,
    size: Annotated[float, Query(ge=0)] = 1.5,
    note: str | None = None,
) -> Thing:
    if name == "none":
        raise HTTPException(404, f"{request.url.path} is not there")
    response.headers["etag"] = '"3"'
    return Thing(name=f"{name}/{part}", size=size, asker=f"{who}{note or ''}")


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = FastAPI(routes=router.routes)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/things/churn/1", {}),
        ("/things/churn%2Fa/caf%C3%A9", {"x-asker": "me"}),
        ("/things/none/1", {}),
        ("/things/churn/1", {"refused": "yes"}),
    ],
)
async def test_without_a_query_it_answers_as_with_one_that_says_nothing_new(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    direct = await client.get(path, headers=headers)
    general = await client.get(path, headers=headers, params={"size": "1.5"})
    assert (direct.status_code, direct.content) == (general.status_code, general.content)
    assert sorted(direct.headers.raw) == sorted(general.headers.raw)


async def test_what_a_query_says_counts_and_is_checked(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things/churn/1", params={"size": "2", "note": "!"})
    assert answer.json() == {"name": "churn/1", "size": 2.0, "asker": "nobody!"}
    assert (await client.get("/things/churn/1", params={"size": "-1"})).status_code == 422


def test_an_endpoint_that_takes_more_is_refused() -> None:
    other = APIRouter(route_class=PathRoute)

    async def without_request(name: str, who: Annotated[str, Depends(asker)]) -> Thing:
        return Thing(name=name, size=1, asker=who)

    with pytest.raises(ValueError, match="lacks a request"):
        other.add_api_route("/other/{name}", without_request)
