"""A browser without scripts: cookies and pages, and no header that says who asks."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from tests.support.api import Api
from tests.support.eventually import eventually


@asynccontextmanager
async def signed_in(api: Api, token: str) -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody who has signed in with a token."""
    address = api.query.base_url
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
        answer = await client.post("/ui/sign-in", data={"token": token})
        assert answer.status_code == 303, answer.text
        yield client


async def until_found(api: Api, model: str, versions: int = 1) -> None:
    """Return once search has these versions of a model, which are ready: two events each."""

    async def look() -> bool | None:
        wanted = {"kind": "versions", "min_sequence": f"{model}:{2 * versions}"}
        return True if (await api.query.get("/v1/search", params=wanted)).is_success else None

    await eventually(look)
