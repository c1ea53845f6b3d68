"""A browser without scripts: cookies and pages, and no header that says who asks."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.support.api import Api
from tests.support.eventually import eventually


@asynccontextmanager
async def signed_in(api: Api, token: str, **options: Any) -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody who has signed in with a token; `options` are further ones of the client."""
    async with httpx.AsyncClient(
        base_url=api.query.base_url, timeout=60, trust_env=False, **options
    ) as client:
        answer = await client.post("/ui/sign-in", data={"token": token})
        assert answer.status_code == 303, answer.text
        yield client


async def until_found(api: Api, model: str, versions: int = 1) -> None:
    """Return once search has these versions of a model, which are ready: two events each."""

    async def look() -> bool | None:
        wanted = {"kind": "versions", "min_sequence": f"{model}:{2 * versions}"}
        return True if (await api.query.get("/v1/search", params=wanted)).is_success else None

    await eventually(look)
