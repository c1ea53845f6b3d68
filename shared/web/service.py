"""What both HTTP services have: problem documents, the body limit, discovery and health."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from registry.schemas import Discovery, EventsAddress
from shared.runtime.settings import Settings
from shared.web.limits import BodyLimit
from shared.web.problems import answer_problems


def add_shared_parts(
    app: FastAPI, settings: Settings, ready: Callable[[Request], Awaitable[list[str]]]
) -> None:
    """Give a service its problem documents, discovery and health routes.

    `ready` returns what the service waits for; nothing means ready.
    """
    app.add_middleware(BodyLimit)
    answer_problems(app)

    @app.get("/v1", summary="Addresses of both services and of the event topic")
    async def discover() -> Discovery:
        return Discovery(
            ingest_url=settings.ingest_url,
            query_url=settings.query_url,
            events=EventsAddress(
                bootstrap_servers=settings.events_bootstrap_servers,
                topic=settings.kafka_model_events_topic,
                source=settings.event_source,
            ),
        )

    @app.get("/health/live", summary="The process runs")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", summary="The process can do its work now")
    async def readiness(request: Request) -> Response:
        waits_for = await ready(request)
        status = HTTPStatus.SERVICE_UNAVAILABLE if waits_for else HTTPStatus.OK
        return JSONResponse({"waits_for": waits_for}, status)
