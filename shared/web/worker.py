"""A service that works by itself: health and metrics, and the pipeline that runs behind them."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from shared.runtime.logs import get_logger
from shared.runtime.telemetry.metrics import Metrics, measured
from shared.web.metrics import PATH, Measured, answer_with

log = get_logger(__name__)

Readiness = Callable[[], Awaitable[Mapping[str, Any]]]
"""Returns what is answered to who asks whether the service is ready: it is if `waits_for` in it is
empty."""


def make_worker(
    run: Callable[[], Coroutine[Any, Any, None]],
    readiness: Readiness,
    metrics: Metrics | None = None,
) -> Starlette:
    """Return the service; `run` starts with it, and is cancelled when it ends."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        pipeline = asyncio.create_task(run())
        pipeline.add_done_callback(_end_process_on_failure)
        try:
            with measured(metrics):
                yield
        finally:
            pipeline.cancel()
            await asyncio.wait((pipeline,))

    async def live(request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(request: Request) -> JSONResponse:
        answer = await readiness()
        return JSONResponse(answer, 503 if answer["waits_for"] else 200)

    routes = [Route("/health/live", live), Route("/health/ready", ready)]
    if metrics is None:
        return Starlette(routes=routes, lifespan=lifespan)
    routes.append(Route(PATH, answer_with(metrics)))
    # No route of a worker has a parameter: its path is its template.
    paths = {route.path for route in routes}
    app = Starlette(routes=routes, lifespan=lifespan)
    app.add_middleware(
        Measured,
        metrics=metrics,
        template_of=lambda scope: scope["path"] if scope["path"] in paths else None,
    )
    return app


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    """End the process in order when the pipeline fails by a defect; the supervisor starts anew."""
    if not task.cancelled() and task.exception() is not None:
        log.error("pipeline failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)
