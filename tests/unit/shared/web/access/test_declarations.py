"""Every route says what it does; a service with one that does not say it does not start."""

from collections.abc import Callable
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.staticfiles import StaticFiles

from services.ingest.app import create_app as create_ingest
from services.query.app import create_app as create_query
from services.query.ui.paths import is_page
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, UndeclaredRoute, declared_actions, declares
from shared.web.service import add_shared_parts
from tests.support.isolation import SETTINGS


async def ready(_: Request) -> list[str]:
    return []


def undeclared(app: FastAPI) -> None:
    @app.get("/v1/secrets")
    async def tell() -> str:  # pyright: ignore[reportUnusedFunction]
        return ""


def undeclared_in_a_router(app: FastAPI) -> None:
    router = APIRouter(prefix="/v1")

    @router.get("/secrets")
    async def tell() -> str:  # pyright: ignore[reportUnusedFunction]
        return ""

    app.include_router(router)


def undeclared_in_a_router_of_a_router(app: FastAPI) -> None:
    router, outer = APIRouter(), APIRouter(prefix="/v1")

    @router.get("/secrets")
    async def tell() -> str:  # pyright: ignore[reportUnusedFunction]
        return ""

    outer.include_router(router)
    app.include_router(outer)


def declared_twice(app: FastAPI) -> None:
    @app.get("/v1/models", dependencies=[declares(Action.READ)])
    async def tell(  # pyright: ignore[reportUnusedFunction]
        caller: Annotated[Caller, declares(Action.PUBLIC)],
    ) -> None: ...


def mounted(app: FastAPI) -> None:
    app.mount("/files", StaticFiles(directory="."))


@pytest.mark.parametrize(
    "add",
    [
        undeclared,
        undeclared_in_a_router,
        undeclared_in_a_router_of_a_router,
        declared_twice,
        mounted,
    ],
)
def test_a_service_with_such_a_route_does_not_start(add: Callable[[FastAPI], None]) -> None:
    app = FastAPI(docs_url=None, redoc_url=None)
    add(app)
    with pytest.raises(UndeclaredRoute):
        add_shared_parts(app, SETTINGS, ready)


def test_a_declaration_counts_where_another_dependency_asks_for_it() -> None:
    app = FastAPI(docs_url=None, redoc_url=None)

    async def named(caller: Annotated[Caller, declares(Action.READ)]) -> str:
        return caller.principal.id

    @app.get("/v1/name")
    async def tell(  # pyright: ignore[reportUnusedFunction]
        name: Annotated[str, Depends(named)],
    ) -> str:
        return name

    assert declared_actions(app) == {("GET", "/v1/name"): Action.READ}


@pytest.mark.parametrize("create", [create_ingest, create_query])
def test_the_document_tells_what_each_operation_does(
    create: Callable[..., FastAPI],
) -> None:
    app = create(SETTINGS)
    actions = declared_actions(app)
    told = {
        (method.upper(), path): operation.get("x-action", Action.PUBLIC)
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }
    # Pages are for people, and no part of the document.
    documented = {key: act for key, act in actions.items() if not is_page(key[1])}
    assert told == {key: str(action) for key, action in documented.items()}
    public = {path for (_, path), action in actions.items() if action is Action.PUBLIC}
    # The address of ingest's own one carries the right to it.
    own = {"/v1/hub/staged/{staged_id}/complete"}
    if create is create_query:
        own = {"/health/search", "/health/events"}
        own |= {"/", "/ui", "/ui/sign-in", "/ui/static/{name}"}
        own |= {"/ui/sign-in/oidc", "/ui/sign-in/oidc/back"}
    assert public == {"/v1", "/health/live", "/health/ready", "/metrics", *own}
