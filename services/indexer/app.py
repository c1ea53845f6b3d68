"""Composition root of the indexer: health over HTTP at once, and the pipeline behind it."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.indexer.health import Health
from services.indexer.pipeline import run_pipeline
from shared.logs import get_logger
from shared.settings import Settings

log = get_logger(__name__)


def create_app(settings: Settings) -> Starlette:
    """Return the service; its pipeline starts with it, and waits for the servers by itself."""
    health = Health(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        pipeline = asyncio.create_task(run_pipeline(settings, health))
        pipeline.add_done_callback(_end_process_on_failure)
        try:
            yield
        finally:
            pipeline.cancel()
            await asyncio.wait((pipeline,))

    async def live(request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> JSONResponse:
        missing = await health.waits_for()
        return JSONResponse({"waits_for": missing}, 503 if missing else 200)

    routes = [Route("/health/live", live), Route("/health/ready", ready)]
    return Starlette(routes=routes, lifespan=lifespan)


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    """A pipeline that fails is a defect: end in order, and let the supervisor start anew."""
    if not task.cancelled() and task.exception() is not None:
        log.error("pipeline failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)
