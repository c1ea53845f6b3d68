"""Figures over HTTP: how requests go, and `/metrics`, which tells all figures of the process."""

from collections.abc import Awaitable, Callable
from time import perf_counter

from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.telemetry.labels import OTHER, FewValues
from shared.runtime.telemetry.metrics import CONTENT_TYPE, Metrics
from shared.web.problems import PROBLEM_CODE
from shared.web.request_times import RequestTimes

PATH = "/metrics"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other method is told as OTHER, and so is a path of no route."""
NO_ANSWER = "none"
"""The status of a request whose caller left before its answer began."""


class Measured:
    """Counts and times requests by method, the template of their route, and status.

    Labels are what the code says and never what a caller wrote. The time ends where the answer
    begins: a stream goes on for as long as its reader likes.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, template_of: Callable[[Scope], str | None]
    ) -> None:
        self._app = app
        self._template_of = template_of
        self._times = RequestTimes(metrics.registry)
        self._codes = FewValues()
        self._problems = Counter(
            "registry_http_problems",
            "Requests that were answered with a problem document, by its code",
            ["code"],
            registry=metrics.registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it when its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        status = NO_ANSWER

        # No coroutine of its own: each answer is sent in two messages at least.
        def noted(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start" and status == NO_ANSWER:
                status = str(message["status"])
                self._count(scope, status, perf_counter() - began)
            return send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if status == NO_ANSWER:
                self._count(scope, status, perf_counter() - began)

    def _count(self, scope: Scope, status: str, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else OTHER
        self._times.add((method, self._template_of(scope) or OTHER, status), seconds)
        code: str | None = scope.get(PROBLEM_CODE)
        if code is not None:
            self._problems.labels(self._codes.told(code)).inc()


def route_template(scope: Scope) -> str | None:
    """Return the template of the route that FastAPI found for a request; None without any."""
    return getattr(scope.get("route"), "path_format", None)


def answer_with(metrics: Metrics) -> Callable[[Request], object]:
    """Return the endpoint that tells all figures."""

    async def tell(request: Request) -> Response:
        return Response(await metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return tell
