"""What both HTTP services have: problem documents, limits, discovery and health."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from registry.schemas import Discovery, EventsAddress
from registry.schemas.access import Identity
from shared.domain.access.actions import Action
from shared.runtime.release import release
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics
from shared.web.access.caller import Caller, declared_actions, declares
from shared.web.access.description import describe_access
from shared.web.access.entrance import may_send
from shared.web.guard import Guard
from shared.web.limits import BodyLimit
from shared.web.metrics import PATH, Measured, answer_with, route_template
from shared.web.problems import PROBLEMS, answer_problems
from shared.web.rates import Rate
from shared.web.tracing import Traced

_ANYBODY = (declares(Action.PUBLIC),)
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[dict[str, Any]]]


def make_app(
    title: str, summary: str, lifespan: Lifespan | None, routes: Sequence[BaseRoute] = ()
) -> FastAPI:
    """Return a service with the routes that are asked most; all others are included.

    A request for an included one is matched twice, by the app and by its router, against one route
    after the other: that took a lookup a tenth of its time in the process.
    """
    return FastAPI(
        routes=list(routes),
        title=title,
        version="1",
        summary=summary,
        lifespan=lifespan,
        # These pages load their scripts from another origin; /openapi.json is what they show.
        docs_url=None,
        redoc_url=None,
        # It would answer with an address that is built from the Host header.
        redirect_slashes=False,
    )


def add_shared_parts(
    app: FastAPI,
    settings: Settings,
    ready: Callable[[Request], Awaitable[list[str]]],
    metrics: Metrics | None = None,
) -> None:
    """Give a service its problem documents, limits, discovery and health routes.

    `ready` returns what the service waits for; nothing means ready. Raises UndeclaredRoute where
    some route does not say what it does.
    """
    app.add_middleware(BodyLimit, may_send=may_send)
    _open_to_origins(app, settings)
    answer_problems(app)
    describe_access(app)
    # Around all that Starlette puts together: its own outermost part answers for a defect.
    app.build_middleware_stack = partial(_guarded, app.build_middleware_stack, settings, metrics)
    _add_discovery(app, settings)
    _add_health(app, ready)
    if metrics is not None:
        app.add_api_route(
            PATH,
            answer_with(metrics),
            dependencies=_ANYBODY,
            summary="Figures of this process, for Prometheus",
            response_class=PlainTextResponse,
        )
    declared_actions(app)


def _add_discovery(app: FastAPI, settings: Settings) -> None:
    running = release()

    @app.get(
        "/v1", dependencies=_ANYBODY, summary="Addresses of both services and of the event topic"
    )
    async def discover() -> Discovery:
        return Discovery(
            version=running,
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


def _add_health(app: FastAPI, ready: Callable[[Request], Awaitable[list[str]]]) -> None:
    @app.get("/health/live", dependencies=_ANYBODY, summary="The process runs")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", dependencies=_ANYBODY, summary="The process can do its work now")
    async def readiness(request: Request) -> Response:
        waits_for = await ready(request)
        status = HTTPStatus.SERVICE_UNAVAILABLE if waits_for else HTTPStatus.OK
        return JSONResponse({"waits_for": waits_for}, status)


def _guarded(
    original: Callable[[], ASGIApp], settings: Settings, metrics: Metrics | None
) -> ASGIApp:
    rate = Rate(settings.address_requests_per_second, settings.address_requests_burst)
    # Behind the guard: whoever is refused for asking too often takes no room among the spans.
    guarded = Guard(Traced(original()) if settings.is_traced else original(), rate)
    return Measured(guarded, metrics, route_template) if metrics else guarded


def _open_to_origins(app: FastAPI, settings: Settings) -> None:
    """Let pages of the named origins read answers; no cookie of ours would go with a request."""
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=("Authorization", "Idempotency-Key", "X-Request-ID"),
            expose_headers=("Retry-After", "X-Request-ID"),
        )
