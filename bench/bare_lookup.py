"""The plain program beside query: FastAPI, one find_one, and the document as the answer.

`python -m bench.bare_lookup PORT`, with the services' settings in its environment.
"""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from motor.motor_asyncio import AsyncIOMotorClient

from shared.runtime.settings import Settings

Document = dict[str, Any]


def create_app(settings: Settings) -> FastAPI:
    """Return the whole program."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        settings.mongodb_url.get_secret_value(), tz_aware=True
    )
    versions = client[settings.mongodb_db]["versions"]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        yield
        client.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/v1/models/{model}/versions/{number}")
    async def by_number(model: str, number: int) -> Document:
        return _found(await versions.find_one({"model": model, "number": number}))

    @app.get("/v1/versions/{version_id}")
    async def by_id(version_id: str) -> Document:
        return _found(await versions.find_one({"_id": version_id}))

    return app


def _found(document: Document | None) -> Document:
    if document is None:
        raise HTTPException(404)
    return document


def main() -> None:
    """Serve until killed."""
    settings = Settings()  # pyright: ignore[reportCallIssue] - from the environment
    uvicorn.run(
        create_app(settings),
        host=settings.registry_host,
        port=int(sys.argv[1]),
        log_config=None,
        access_log=False,
    )


if __name__ == "__main__":
    main()
