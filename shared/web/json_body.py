"""JSON request bodies, read more strictly than FastAPI does by itself.

A key that stands twice is refused: readers differ on which one counts (RFC 8259, 4). A body that
is not declared as JSON is refused by its type instead of by the fields that nobody could find.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from shared.domain.errors import UnsupportedMediaType
from shared.domain.strict_json import RepeatedName, members_once

IN_THREAD_BYTES = 64 * 1024
"""Larger bodies are parsed in a thread: the event loop serves others meanwhile."""
MAX_NAMES = 50_000
"""Names in all objects of a body: more than the files of a version and its metadata can have. Each
may be a wrong field, and to find all of them out costs a hundred times the bytes of the body."""


class JsonRoute(APIRoute):
    """A route whose body is strict JSON; raises UnsupportedMediaType for any other type."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, given requests that read their body strictly."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if await strict.body() and not _is_json(request.headers.get("content-type", "")):
                detail = "the body must be sent with content-type: application/json"
                raise UnsupportedMediaType("content_type_not_json", detail)
            return await handler(strict)

        return strictly


class StrictRequest(Request):
    """A request whose JSON has no key twice."""

    async def json(self) -> Any:
        """Return the parsed body; raises json.JSONDecodeError, which is answered as 422."""
        body = await self.body()
        if len(body) > IN_THREAD_BYTES:
            return await asyncio.to_thread(_parse, body)
        return _parse(body)


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    kind = message.get_content_type()
    return kind == "application/json" or (kind.startswith("application/") and "+json" in kind)


def _parse(body: bytes) -> Any:
    count = 0

    def counted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal count
        count += len(pairs)
        if count > MAX_NAMES:
            raise json.JSONDecodeError(f"more than {MAX_NAMES} names", "", 0)
        return members_once(pairs)

    try:
        return json.loads(body, object_pairs_hook=counted)
    except RepeatedName as error:
        raise json.JSONDecodeError(f"the key {error.name[:40]!r} stands twice", "", 0) from None
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError("not UTF-8", "", error.start) from None
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", "", 0) from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python reads no whole number of thousands of digits
        raise json.JSONDecodeError("a number has too many digits", "", 0) from None
