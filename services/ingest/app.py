"""Composition root of ingest: what it is made of, and in which order it starts and stops."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request

from services.ingest.context import Context
from services.ingest.uploads.routes import router
from shared.database.client import DatabaseError, open_database
from shared.database.indexes import ensure_indexes
from shared.domain.errors import RegistryError
from shared.runtime.settings import Settings
from shared.runtime.startup import until_done
from shared.storage.adapter import open_storage
from shared.web.limits import RequestLimit
from shared.web.readiness import absent_servers
from shared.web.service import add_shared_parts


def create_app(settings: Settings) -> FastAPI:
    """Return the service; it opens its clients when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(settings))
            storage = await stack.enter_async_context(open_storage(settings))
            context = Context.create(settings, database, storage)
            preparation = asyncio.create_task(_prepare(context))
            stack.callback(preparation.cancel)
            yield {"context": context, "preparation": preparation}

    app = FastAPI(
        title="Model Registry: ingest",
        version="1",
        summary="Upload sessions: open, sign, complete, abort.",
        lifespan=lifespan,
    )
    app.include_router(router)
    # First, so that it stands behind the body limit: a slow sender does not count.
    app.add_middleware(RequestLimit, limit=settings.ingest_max_requests)
    add_shared_parts(app, settings, _waits_for)
    return app


async def _prepare(context: Context) -> None:
    """Make what requests need, as soon as the servers answer."""

    async def work() -> None:
        await ensure_indexes(context.database)
        await context.groups.prepare()

    await until_done("MongoDB and MinIO", work, errors=(DatabaseError, RegistryError))


async def _waits_for(request: Request) -> list[str]:
    """Name what is missing for uploads to work now."""
    context: Context = request.state.context
    preparation: asyncio.Task[None] = request.state.preparation
    bucket = context.settings.minio_bucket
    missing = await absent_servers(context.database, context.storage, bucket)
    if not missing and not preparation.done():
        missing.append("indexes and bucket")
    return missing
