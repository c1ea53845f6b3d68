"""The pages over HTTP: each route asks what the API asks, by the same functions, and renders it."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas import Version
from registry.schemas.event_types import expanded_types
from registry.schemas.lineage import Lineage
from services.query.aliases.aliases import list_aliases
from services.query.compare.headers import Room, list_version
from services.query.context import Context, RequestContext
from services.query.edits.edits import list_version_edits
from services.query.lineage.graphs import read_graph
from services.query.rules.rules import effective_rules
from services.query.search.language.fields import Kind
from services.query.ui import finding, overview
from services.query.ui.acts.proposals import alias_page
from services.query.ui.assets import CACHE, served
from services.query.ui.cards import Card, read_card
from services.query.ui.charts.lineage import drawing, names_of
from services.query.ui.charts.trends import trends
from services.query.ui.line import line_of
from services.query.ui.moments import read_moment
from services.query.ui.namespaces import counts_of
from services.query.ui.paths import MODEL, ROOT, STATIC, VERSION, version_page
from services.query.ui.rendering import page
from services.query.ui.shown import underlined
from services.query.ui.slices import Offset, slice_of
from services.query.ui.snippets import snippets
from services.query.versions.downloads import sign_downloads
from services.query.versions.lookups import find_model, find_version
from services.query.versions.pages import list_versions
from shared.domain.access.actions import Action
from shared.domain.errors import NotFound, TooManyRequests, Unavailable
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor

router = APIRouter(include_in_schema=False)

Reader = Annotated[Caller, declares(Action.READ)]
Downloader = Annotated[Caller, declares(Action.DOWNLOAD)]
ANYBODY = [declares(Action.PUBLIC)]
VERSIONS_SHOWN = 50
METRICS_SHOWN = 12
ALIASES_SHOWN = 500
FILES_SHOWN = 200
EDITS_SHOWN = 50
TENSORS_SHOWN = 500
LINEAGE_DEPTH = 5
LINEAGE_NODES = 100


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
    found = await finding.answer(asked, caller.names, context)
    values = {
        "asked": asked,
        "found": found,
        "namespaces": await counts_of(request).of(caller.names, context),
        "cell": finding.cell,
        "underlined": underlined(filter, found.column) if found.column else "",
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if found.error else HTTPStatus.OK
    return page("models.html", values, request=request, caller=caller, status=status)


@router.get(MODEL)
async def show_model(
    model: str, request: Request, caller: Reader, context: RequestContext, cursor: Cursor = None
) -> Response:
    """Answer a model: its versions, aliases, rules and the card of its newest ready version."""
    found = await find_model(model, context)
    versions, aliases, rules = await asyncio.gather(
        list_versions(model, cursor, VERSIONS_SHOWN, context),
        list_aliases(model, None, ALIASES_SHOWN, context),
        effective_rules(model, context),
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


@router.get(VERSION)
async def show_version(
    model: str,
    version: str,
    request: Request,
    caller: Reader,
    context: RequestContext,
    files: Offset = 0,
    edits: Cursor = None,
) -> Response:
    """Answer a version: its files, checks, lineage, edits, card, and how to fetch it."""
    found = await find_version(model, version, context)
    lineage = await _lineage(found, caller, context)
    number = str(found.number)
    values: dict[str, Any] = {
        "version": found,
        "address": version_page(found),
        "files": slice_of(found.artifacts, files, FILES_SHOWN),
        "lineage": lineage,
        "names": names_of(lineage) if lineage else {},
        "graph": await asyncio.to_thread(drawing, lineage) if lineage else None,
        "edits": await list_version_edits(model, number, None, edits, EDITS_SHOWN, context),
        "card": await read_card(found, context.headers),
        "snippets": snippets(found, context.settings) if found.state == "ready" else (),
        "has_tensors": any(each.tensors for each in found.artifacts),
    }
    return page("version.html", values, request=request, caller=caller)


async def _lineage(version: Version, caller: Caller, context: Context) -> Lineage | None:
    """Return what a version is made from and for; None where too many ask for that just now."""
    try:
        async with context.graphs.turn():
            found = await read_graph(
                version, "both", LINEAGE_DEPTH, LINEAGE_NODES, caller.names, context
            )
    except TooManyRequests:
        return None
    return found.lineage


@router.get(VERSION + "/tensors")
async def show_tensors(
    model: str,
    version: str,
    request: Request,
    caller: Reader,
    context: RequestContext,
    tensors: Offset = 0,
) -> Response:
    """Answer the tensors of a version, from the headers of its files."""
    found = await find_version(model, version, context)
    async with context.headers.turns.turn():
        listed = await list_version(found, Room(), context.headers)
    await caller.confirm(model)  # it may have waited
    values = {
        "version": found,
        "address": version_page(found),
        "summary": listed.summary,
        "tensors": slice_of(listed.tensors or [], tensors, TENSORS_SHOWN),
        "unread": listed.unread,
    }
    return page("tensors.html", values, request=request, caller=caller)


@router.get(VERSION + "/download")
async def download(
    model: str, version: str, path: str, caller: Downloader, context: RequestContext
) -> Response:
    """Lead to a file in storage, by a URL that is signed now."""
    found: Version = await find_version(model, version, context)
    signed = await sign_downloads(found, path, None, context)
    if not signed.files:
        raise Unavailable("not_signed", "the file cannot be signed now; try again")
    return RedirectResponse(signed.files[0].url, HTTPStatus.SEE_OTHER)
