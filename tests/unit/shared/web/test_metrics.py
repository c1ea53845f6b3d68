"""Requests are counted by what the code says of them, and never by what a caller wrote."""

from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.applications import Starlette

from shared.domain.access.actions import Action
from shared.domain.errors import model_not_found
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics, metrics_of
from shared.web.access.caller import declares
from shared.web.service import add_shared_parts, make_app
from shared.web.worker import make_worker
from tests.support.isolation import SETTINGS

REQUESTS = "registry_http_requests_total"
OFF = SETTINGS.model_copy(update={"metrics_enabled": False})
router = APIRouter()


@router.get("/v1/models/{model}", dependencies=[declares(Action.PUBLIC)])
async def model_of(model: str) -> str:
    return model


@router.get("/v1/models/{model}/broken", dependencies=[declares(Action.PUBLIC)])
async def missing(model: str) -> str:
    raise model_not_found(model)


async def _nothing_is_missing(_: Request) -> list[str]:
    return []


def service(settings: Settings) -> tuple[FastAPI, Metrics | None]:
    metrics = metrics_of(settings)
    app = make_app("A service", "For tests.", None)
    app.include_router(router)
    add_shared_parts(app, settings, _nothing_is_missing, metrics)
    return app, metrics


async def ask(app: Any, *asked: tuple[str, str]) -> list[httpx.Response]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return [await client.request(method, path) for method, path in asked]


async def test_a_request_is_counted_by_the_template_of_its_route() -> None:
    app, metrics = service(SETTINGS)
    assert metrics is not None
    await ask(app, ("GET", "/v1/models/secret-one"), ("GET", "/v1/models/secret-two"))
    labels = {"method": "GET", "route": "/v1/models/{model}", "status": "200"}
    assert metrics.registry.get_sample_value(REQUESTS, labels) == 2
    seconds = "registry_http_request_duration_seconds_count"
    assert metrics.registry.get_sample_value(seconds, labels) == 2


async def test_nothing_that_a_caller_wrote_is_in_a_label() -> None:
    app, _ = service(SETTINGS)
    *_, answer = await ask(
        app,
        *(("GET", "/v1/models/secret"), ("GET", "/secret"), ("SECRET", "/v1")),
        *(("GET", "/v1?secret"), ("GET", "/metrics")),
    )
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "secret" not in answer.text.lower()
    assert 'method="GET",route="other",status="404"' in answer.text
    assert 'method="other"' in answer.text


async def test_a_problem_is_counted_by_its_code() -> None:
    app, metrics = service(SETTINGS)
    assert metrics is not None
    await ask(app, ("GET", "/v1/nothing"), ("POST", "/v1/models/a"), ("GET", "/v1/models/b/broken"))
    counted = {
        code: metrics.registry.get_sample_value("registry_http_problems_total", {"code": code})
        for code in ("not_found", "method_not_allowed", "model_not_found", "invalid_request")
    }
    assert counted == {
        "not_found": 1,
        "method_not_allowed": 1,
        "model_not_found": 1,
        "invalid_request": None,
    }


async def test_there_are_no_more_codes_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.runtime.telemetry.labels.MOST_VALUES", 1)
    app, metrics = service(SETTINGS)
    assert metrics is not None
    await ask(app, ("GET", "/v1/nothing"), ("POST", "/v1/models/a"), ("GET", "/v1/nothing"))
    problems = "registry_http_problems_total"
    assert metrics.registry.get_sample_value(problems, {"code": "not_found"}) == 2
    assert metrics.registry.get_sample_value(problems, {"code": "other"}) == 1


async def test_switched_off_there_is_neither_route_nor_measurement() -> None:
    app, metrics = service(OFF)
    assert metrics is None
    [answer] = await ask(app, ("GET", "/metrics"))
    assert answer.status_code == 404


def worker(settings: Settings) -> tuple[Starlette, Metrics | None]:
    async def run() -> None:
        return None

    async def readiness() -> dict[str, Any]:
        return {"waits_for": []}

    metrics = metrics_of(settings)
    return make_worker(run, readiness, metrics), metrics


async def test_a_worker_tells_its_figures_too() -> None:
    app, _ = worker(SETTINGS)
    *_, answer = await ask(
        app, ("GET", "/health/live"), ("GET", "/health/secret"), ("GET", "/metrics")
    )
    assert f'{REQUESTS}{{method="GET",route="/health/live",status="200"}} 1.0' in answer.text
    assert "secret" not in answer.text
    assert "process_open_fds" in answer.text


async def test_a_worker_without_figures_has_nothing_around_its_routes() -> None:
    app, _ = worker(OFF)
    assert app.user_middleware == []
    [answer] = await ask(app, ("GET", "/metrics"))
    assert answer.status_code == 404


@pytest.mark.parametrize("settings", [SETTINGS, OFF], ids=["on", "off"])
async def test_the_event_loop_is_measured_while_a_worker_runs(settings: Settings) -> None:
    app, metrics = worker(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        assert (metrics is not None and metrics.loop_delay.is_measured) == (settings is SETTINGS)
    assert metrics is None or not metrics.loop_delay.is_measured
