"""What a route knows of who calls it: the principal, and whether they may do what it does."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from registry.schemas import Version
from shared.domain.access.actions import LEAST_ROLE, Action
from shared.domain.access.decision import NameFilter, decide, visible_names
from shared.domain.access.principals import Principal
from shared.domain.errors import Forbidden, NotFound, Unauthenticated
from shared.web.access.authentication import Authenticator
from shared.web.guard import address_of

ANYBODY = Principal("anonymous", "anonymous", "anonymous")
"""Who calls where nobody asks."""
CREDENTIAL_NEEDED = "a credential is needed: Authorization: Bearer TOKEN"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a route, and what the route does."""

    principal: Principal
    action: Action

    def require(self, model: str, *, alias: str = "") -> None:
        """Return where the route's action is allowed on this model.

        Raises NotFound where the caller may not know of the model, Forbidden where they may, and
        Unauthenticated for a caller without a credential.
        """
        decision = decide(self.principal.grants, self.action, model, alias=alias)
        if decision.is_allowed:
            return
        self.require_credential()
        if decision.outcome == "hidden":
            raise model_not_found(model)
        raise Forbidden(decision.missing)

    def require_somewhere(self) -> None:
        """Return where the route's action is allowed on any model at all; raises Forbidden."""
        if self.names == NameFilter():
            self.require_credential()
            raise Forbidden(f"{LEAST_ROLE[self.action]}:*")

    def require_credential(self) -> None:
        """Raise Unauthenticated for a caller without one."""
        if self.principal.kind == "anonymous":
            raise Unauthenticated(CREDENTIAL_NEEDED)

    def may_read(self, version: Version) -> bool:
        """Whether the caller may see a version: by its model, or as who was handed its upload."""
        return self.principal.upload == version.id or self.names.has(version.model)

    @property
    def names(self) -> NameFilter:
        """The models on which the route's action is allowed: what goes into its query."""
        return visible_names(self.principal.grants, self.action)


class Declares:
    """The dependency by which a route says what it does; its value is the Caller.

    Where the route's path names a model, whether the action is allowed on it is asked before the
    route runs. All others ask it themselves, as soon as they know the model.
    """

    def __init__(self, action: Action) -> None:
        self.action = action

    async def __call__(self, request: Request) -> Caller:
        """Return who calls; raises Unauthenticated, NotFound and Forbidden."""
        if self.action is Action.PUBLIC:
            return Caller(ANYBODY, self.action)
        authenticator: Authenticator = request.state.authenticator
        principal = await authenticator.identify(
            request.headers.get("authorization"), address_of(request.scope)
        )
        caller = Caller(principal, self.action)
        if self.action in LEAST_ROLE:
            if not principal.grants:
                caller.require_credential()  # before the body is looked at
            model: str | None = request.path_params.get("model")
            if model is not None:
                caller.require(model)
        return caller


def declares(action: Action) -> Any:  # as FastAPI's own Depends
    """Declare what a route does: `caller: Annotated[Caller, declares(Action.READ)]`."""
    return Depends(Declares(action))


class UndeclaredRoute(Exception):
    """A route says nothing about what it does, so nobody could decide who may."""


def declared_actions(app: FastAPI) -> dict[tuple[str, str], Action]:
    """Return what each route does, by method and path; raises UndeclaredRoute."""
    found: dict[tuple[str, str], Action] = {}
    for route in app.routes:
        if not isinstance(route, APIRoute):
            continue  # the OpenAPI document
        actions = set(_declared(route.dependant))
        if len(actions) != 1:
            raise UndeclaredRoute(f"{route.path} must declare one action, not {len(actions)}")
        for method in route.methods or ():
            found[method, route.path] = next(iter(actions))
    return found


def model_not_found(model: str) -> NotFound:
    """Return the error of a model that is not there, or that the caller may not know of."""
    return NotFound("model_not_found", f"there is no model {model!r}")


def _declared(dependant: Dependant) -> Iterable[Action]:
    for each in dependant.dependencies:
        if isinstance(each.call, Declares):
            yield each.call.action
        yield from _declared(each)
