"""What both HTTP services have: problem documents, the body limit, discovery and health."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from registry.schemas import Discovery, EventsAddress
from registry.schemas.access import Identity
from shared.domain.access.actions import Action
from shared.runtime.settings import Settings
from shared.web.access.caller import Caller, declared_actions, declares
from shared.web.limits import BodyLimit
from shared.web.problems import PROBLEMS, answer_problems


def add_shared_parts(
    app: FastAPI, settings: Settings, ready: Callable[[Request], Awaitable[list[str]]]
) -> None:
    """Give a service its problem documents, discovery and health routes.

    `ready` returns what the service waits for; nothing means ready. Raises UndeclaredRoute where
    some route does not say what it does.
    """
    app.add_middleware(BodyLimit)
    answer_problems(app)

    anybody = [declares(Action.PUBLIC)]

    @app.get(
        "/v1", dependencies=anybody, summary="Addresses of both services and of the event topic"
    )
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

    @app.get("/v1/me", responses=PROBLEMS, summary="Who the caller is, and what they may")
    async def identify(caller: Annotated[Caller, declares(Action.IDENTIFY)]) -> Identity:
        found = caller.principal
        return Identity(
            principal=found.id,
            kind=found.kind,
            name=found.name,
            grants=[str(grant) for grant in found.grants],
            expires_at=found.expires_at,
        )

    @app.get("/health/live", dependencies=anybody, summary="The process runs")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", dependencies=anybody, summary="The process can do its work now")
    async def readiness(request: Request) -> Response:
        waits_for = await ready(request)
        status = HTTPStatus.SERVICE_UNAVAILABLE if waits_for else HTTPStatus.OK
        return JSONResponse({"waits_for": waits_for}, status)

    declared_actions(app)
