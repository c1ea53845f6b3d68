"""Access as the OpenAPI document tells of it: what each operation does, and who may."""

from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI

from shared.domain.access.actions import LEAST_ROLE, Action
from shared.web.access.caller import declared_actions

SCHEME = "bearer"


def describe_access(app: FastAPI) -> None:
    """Have the service's document say what each operation does, and which role may."""
    app.openapi = partial(_openapi, app, app.openapi)


def _openapi(app: FastAPI, original: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    document = original()
    schemes = document["components"].setdefault("securitySchemes", {})
    schemes[SCHEME] = {"type": "http", "scheme": "bearer"}
    for (method, path), action in declared_actions(app).items():
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is None or action is Action.PUBLIC:
            continue
        operation["x-action"] = str(action)
        # Without one it may be allowed as well, where ANONYMOUS_GRANTS says so.
        operation["security"] = [{SCHEME: []}, {}]
        if least := LEAST_ROLE.get(action):
            operation["x-least-role"] = least
    return document
