"""Paths that clients of other tools ask for: errors and credentials have forms of their own there.

Whatever answers such a request with a problem document, be it a route, a limit or the lack of a
route, has it worded anew here, on its way out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.web.problems import PROBLEM_JSON

_NO_STORE = "no-store"
"""Answers may hold signed URLs, or what only the caller may see."""
_REPLACED = ("content-type", "content-length")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a problem document says."""

    status: int
    code: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """All of its members."""
    target: str = ""
    """Path and query that were asked for; of a form, those of its page as the browser tells it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is special about the paths of one protocol."""

    covers: Callable[[str], bool]
    """Whether a path is one of them."""
    word: Callable[[Failure], Response]
    """Returns the answer that tells an error."""
    credential: Callable[[str], str] | None = None
    """Returns an Authorization header as the registry reads it."""
    arrange: Callable[[Scope], None] | None = None
    """Changes the head of a request before the registry reads it."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers that every answer has."""


class Dialects:
    """Answers requests for these paths as their clients expect; outside of all else."""

    def __init__(self, app: ASGIApp, dialects: Sequence[Dialect]) -> None:
        self._app = app
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        dialect = self._dialect_of(scope)
        if dialect is None:
            await self._app(scope, receive, send)
            return
        if dialect.credential is not None:
            _translate_credential(scope, dialect.credential)
        if dialect.arrange is not None:
            dialect.arrange(scope)
        await self._app(scope, receive, _Worded(dialect, scope, receive, send))

    def _dialect_of(self, scope: Scope) -> Dialect | None:
        if scope["type"] != "http" or scope["path"].startswith("/v1/"):
            return None
        return next((each for each in self._dialects if each.covers(scope["path"])), None)


class _Worded:
    """Sends an answer on, or another one in place of a problem document."""

    def __init__(self, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> None:
        self._dialect = dialect
        self._scope, self._receive, self._send = scope, receive, send
        self._problem: Message | None = None
        """The beginning of a problem document, which is held back until all of it is here."""
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type") == PROBLEM_JSON:
                self._problem = message
                return
            headers = MutableHeaders(scope=message)
            headers.setdefault("cache-control", _NO_STORE)
            headers.update(self._dialect.headers)
            await self._send(message)
        elif self._problem is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._answer(self._problem)

    @property
    def _target(self) -> str:
        if self._scope["method"] not in ("GET", "HEAD"):
            return _path_of(Headers(scope=self._scope).get("referer", ""))
        raw, query = self._scope["raw_path"], self._scope["query_string"]
        return (raw + b"?" + query if query else raw).decode("latin-1")

    async def _answer(self, problem: Message) -> None:
        document = json.loads(self._body)
        failure = Failure(
            document["status"], document["code"], document["detail"], document, self._target
        )
        answer = self._dialect.word(failure)
        for name, value in Headers(raw=problem["headers"]).items():
            if name not in _REPLACED:
                answer.headers.setdefault(name, value)
        answer.headers.setdefault("cache-control", _NO_STORE)
        answer.headers.update(self._dialect.headers)
        await answer(self._scope, self._receive, self._send)


def speak(app: FastAPI, dialects: Sequence[Dialect]) -> None:
    """Have a service answer as these clients expect, around all that it has of its own."""

    def built(original: Callable[[], ASGIApp]) -> ASGIApp:
        return Dialects(original(), dialects)

    app.build_middleware_stack = partial(built, app.build_middleware_stack)


def _path_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _translate_credential(scope: Scope, translate: Callable[[str], str]) -> None:
    scope["headers"] = [
        (name, translate(value.decode("latin-1")).encode("latin-1"))
        if name == b"authorization"
        else (name, value)
        for name, value in scope["headers"]
    ]
