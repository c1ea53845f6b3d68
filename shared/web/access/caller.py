"""What a route knows of who calls it: the principal, and whether they may do what it does."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Route

from registry.schemas import Version
from shared.domain.access.actions import LEAST_ROLE, READING, Action
from shared.domain.access.audit import Change
from shared.domain.access.decision import (
    NameFilter,
    allows_pattern,
    decide,
    may_change,
    sees_within,
    visible_names,
)
from shared.domain.access.principals import Principal
from shared.domain.errors import (
    Forbidden,
    RegistryError,
    TooManyRequests,
    Unauthenticated,
    model_not_found,
)
from shared.web.access.authentication import TOO_MANY_WRONG, Authenticator, claimed_subject
from shared.web.access.entrance import authorization_of, refusal_of
from shared.web.access.trail import Making, Trail

ANYBODY = Principal("anonymous", "anonymous", "anonymous")
"""Who calls where nobody asks."""
CREDENTIAL_NEEDED = "a credential is needed: Authorization: Bearer TOKEN"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a route, and what the route does. What it refuses, the audit is told."""

    principal: Principal
    action: Action
    trail: Trail | None = None
    """None where the route is for anybody: then nothing is refused, and nothing changed."""
    ask_again: Callable[[], Awaitable[Principal]] | None = field(default=None, repr=False)
    """Finds out anew, by the token, whom it comes from; None where nobody was asked."""

    def require(self, model: str, *, alias: str = "", subject: str = "") -> None:
        """Return where the route's action is allowed on this model.

        `subject` says for the audit what was asked for besides the model.

        Raises NotFound where the caller may not know of the model, Forbidden where they may, and
        Unauthenticated for a caller without a credential.
        """
        decision = decide(self.principal.grants, self.action, model, alias=alias)
        if decision.is_allowed:
            return
        self.require_credential(model, subject)
        if decision.outcome == "hidden":
            raise self.refused(model_not_found(model), model, subject)
        raise self.refused(Forbidden(decision.missing), model, subject)

    async def confirm(self, model: str = "", subject: str = "") -> None:
        """Return where the caller's credential still counts: for requests that have waited.

        Raises Unauthenticated where it was revoked or is over meanwhile.
        """
        if self.ask_again is None:
            return
        try:
            await self.ask_again()
        except Unauthenticated as error:
            raise self.refused(error, model, subject) from None

    def doing(self, action: Action) -> "Caller":
        """Return the same caller, about to do something else."""
        return replace(self, action=action)

    def require_somewhere(self) -> None:
        """Return where the route's action is allowed on any model at all; raises Forbidden."""
        if self.names == NameFilter():
            self.require_credential()
            raise self.refused(Forbidden(f"{LEAST_ROLE[self.action]}:*"))

    def require_pattern(self, pattern: str) -> None:
        """Return where the route's action is allowed on all names of a pattern; raises Forbidden.

        It does not say whether there is such a model.
        """
        if not allows_pattern(self.principal.grants, self.action, pattern):
            self.require_credential(pattern)
            raise self.refused(Forbidden(f"{LEAST_ROLE[self.action]}:{pattern}"), pattern)

    def require_within(self, pattern: str) -> None:
        """Return where the route's action is allowed on any name of a pattern; raises Forbidden.

        It does not say whether there is such a model.
        """
        if not sees_within(self.principal.grants, pattern, self.action):
            self.require_credential(pattern)
            raise self.refused(Forbidden(f"{LEAST_ROLE[self.action]}:{pattern}"), pattern)

    def require_credential(self, model: str = "", subject: str = "") -> None:
        """Raise Unauthenticated for a caller without one."""
        if self.principal.kind == "anonymous":
            raise self.refused(Unauthenticated(CREDENTIAL_NEEDED), model, subject)

    def refused(self, error: RegistryError, model: str = "", subject: str = "") -> RegistryError:
        """Return the error of a refusal to be raised, once the audit is told of it.

        `subject` says what was asked for besides a model: `version:ID`, `token:ID`.
        """
        if self.trail is not None:
            self.trail.refused(error, self.principal, self.action, model, subject)
        return error

    def audited(
        self, change: Change, model: str = "", subject: str = ""
    ) -> AbstractAsyncContextManager[Making]:
        """Make a change inside the block: the audit has it before, and is told how it ended.

        Raises DatabaseUnavailable where the audit cannot be written.
        """
        assert self.trail is not None, "a route for anybody changes nothing"  # noqa: S101
        return self.trail.change(change, self.principal, model, subject)

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
        trail = Trail.of(request)
        authenticator: Authenticator = request.state.authenticator
        authorization = authorization_of(request.scope)
        principal = await self._identified(request, authenticator, authorization, trail)
        ask_again = partial(authenticator.find_out, authorization, trail.address)
        caller = Caller(principal, self.action, trail, ask_again)
        if self.action in LEAST_ROLE:
            model: str | None = request.path_params.get("model")
            # Before the body is looked at; where it was not read, `may_send` has decided alike.
            if not ((self.action in READING and principal.grants) or may_change(principal.grants)):
                caller.require_credential(model or "")
            if model is not None:
                caller.require(model, alias=request.path_params.get("alias", ""))
        return caller

    async def _identified(
        self,
        request: Request,
        authenticator: Authenticator,
        authorization: str | None,
        trail: Trail,
    ) -> Principal:
        try:
            if (refusal := refusal_of(request.scope)) is not None:
                raise refusal
            return await authenticator.identify(authorization, trail.address)
        except Unauthenticated as error:
            nobody = Caller(ANYBODY, self.action, trail)
            model: str = request.path_params.get("model", "")
            raise nobody.refused(error, model, claimed_subject(authorization)) from None
        except TooManyRequests as error:
            if error.code == TOO_MANY_WRONG:
                trail.audit.refused_unnamed()
            raise


def declares(action: Action) -> Any:  # as FastAPI's own Depends
    """Declare what a route does: `caller: Annotated[Caller, declares(Action.READ)]`."""
    return Depends(Declares(action))


class UndeclaredRoute(Exception):
    """A route says nothing about what it does, so nobody could decide who may."""


def declared_actions(app: FastAPI) -> dict[tuple[str, str], Action]:
    """Return what each route does, by method and path as the OpenAPI document writes it.

    Raises UndeclaredRoute, also for a kind of route that can declare nothing.
    """
    found: dict[tuple[str, str], Action] = {}
    # Not app.routes alone: those of an included router are not among them.
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Route) and route.path == app.openapi_url:
            continue
        path = context.path_format or ""
        actions = set(_declared(route.dependant) if isinstance(route, APIRoute) else ())
        if len(actions) != 1:
            raise UndeclaredRoute(f"{path or route} must declare one action, not {len(actions)}")
        for method in context.methods or ():
            found[method, path] = next(iter(actions))
    return found


def _declared(dependant: Dependant) -> Iterable[Action]:
    for each in dependant.dependencies:
        if isinstance(each.call, Declares):
            yield each.call.action
        yield from _declared(each)
