"""The pages over HTTP: each route asks what the API asks, by the same functions, and renders it."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas.event_types import expanded_types
from services.query.aliases.aliases import list_aliases
from services.query.context import RequestContext
from services.query.rules.rules import effective_rules
from services.query.search.language.fields import Kind
from services.query.ui import finding, overview
from services.query.ui.acts.proposals import alias_page
from services.query.ui.assets import CACHE, served
from services.query.ui.branches import branches_of
from services.query.ui.cards import Card, read_card
from services.query.ui.charts.trends import trends
from services.query.ui.line import line_of
from services.query.ui.model_events import newest_events
from services.query.ui.moments import read_moment
from services.query.ui.namespaces import counts_of
from services.query.ui.paths import MODEL, ROOT, STATIC
from services.query.ui.rendering import page
from services.query.ui.shown import underlined
from services.query.versions.lookups import find_model, find_version
from services.query.versions.pages import list_versions
from shared.domain.access.actions import Action
from shared.domain.errors import NotFound
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor

router = APIRouter(include_in_schema=False)

Reader = Annotated[Caller, declares(Action.READ)]
ANYBODY = [declares(Action.PUBLIC)]
VERSIONS_SHOWN = 50
METRICS_SHOWN = 12
ALIASES_SHOWN = 500


@router.get("/", dependencies=ANYBODY)
@router.get("/ui", dependencies=ANYBODY)
async def go_to_overview() -> Response:
    """Lead to the overview."""
    return RedirectResponse(ROOT, HTTPStatus.SEE_OTHER)


@router.get(STATIC + "/{name}", dependencies=ANYBODY)
async def get_asset(name: str) -> Response:
    """Answer a file, for a browser to keep."""
    found = served().get(name)
    if found is None:
        raise NotFound("not_found", "there is no such file")
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": CACHE})


@router.get(ROOT)
async def show_overview(request: Request, caller: Reader, context: RequestContext) -> Response:
    """Answer what is new, what was refused, and how the parts are."""
    newest, rejected, parts, used = await asyncio.gather(
        overview.newest(caller.names, context),
        overview.rejected(caller.names, context),
        overview.health(line_of(request), context),
        counts_of(request).of(caller.names, context),
    )
    values = {
        "newest": newest,
        "rejected": rejected,
        "parts": parts,
        "used": used,
        "followed": expanded_types(overview.FOLLOWED),
    }
    return page("overview.html", values, request=request, caller=caller)


@router.get(finding.MODELS_PATH)
async def show_models(
    request: Request,
    caller: Reader,
    context: RequestContext,
    kind: Kind = "models",
    filter: str = "",
    order: str = "",
    columns: Annotated[str, Query(max_length=4096)] = "",
    cursor: Annotated[str | None, Query(max_length=8192)] = None,
) -> Response:
    """Answer the models or versions that a filter finds."""
    asked = finding.question(kind, filter, order, columns, cursor)
    found, spaces, branches = await asyncio.gather(
        finding.answer(asked, caller.names, context),
        counts_of(request).of(caller.names, context),
        branches_of(asked.place, caller.names, context),
    )
    values = {
        "asked": asked,
        "found": found,
        "namespaces": spaces,
        "branches": branches,
        "underlined": underlined(filter, found.column) if found.column else "",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if found.error else HTTPStatus.OK
    return page("models.html", values, request=request, caller=caller, status=status)


@router.get(MODEL)
async def show_model(
    model: str, request: Request, caller: Reader, context: RequestContext, cursor: Cursor = None
) -> Response:
    """Answer a model: its versions, aliases, rules, events and the newest ready one's card."""
    found = await find_model(model, context)
    versions, aliases, rules, events = await asyncio.gather(
        list_versions(model, cursor, VERSIONS_SHOWN, context),
        list_aliases(model, None, ALIASES_SHOWN, context),
        effective_rules(model, context),
        newest_events(model, context),
    )
    card: Card | None = None
    if found.latest_number is not None:
        latest = await find_version(model, str(found.latest_number), context)
        card = await read_card(latest, context.headers)
    metrics = list(dict.fromkeys(name for each in versions.items for name in each.metrics))
    metrics = metrics[:METRICS_SHOWN]
    values: dict[str, Any] = {
        "model": found,
        "versions": versions,
        "metrics": metrics,
        "trends": trends(versions.items, metrics),
        "aliases": aliases,
        "rules": rules.rules.model_dump(mode="json", exclude_none=True),
        "sources": rules.sources,
        "events": events,
        "card": card,
    }
    return page("model.html", values, request=request, caller=caller)


@router.get(MODEL + "/aliases/{alias}")
async def show_alias(
    model: str,
    alias: str,
    request: Request,
    caller: Reader,
    context: RequestContext,
    cursor: Cursor = None,
    at: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """Answer where an alias pointed, and when; with `at`, where it did at that moment."""
    moment = read_moment(at)
    return await alias_page(model, alias, request, caller, context, cursor=cursor, at=moment)
