"""The pages of a version: itself, its tensors, and its files."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from registry.schemas import Version
from registry.schemas.access import AuditPage
from registry.schemas.lineage import Lineage
from services.query.audit.entries import read_audit
from services.query.compare.headers import Room, list_version
from services.query.context import Context, RequestContext
from services.query.edits.edits import list_version_edits
from services.query.lineage.graphs import read_graph
from services.query.ui.cards import read_card
from services.query.ui.charts.lineage import drawing, names_of
from services.query.ui.paths import VERSION, version_page
from services.query.ui.rendering import page
from services.query.ui.routes import Reader
from services.query.ui.slices import Offset, slice_of
from services.query.ui.snippets import snippets
from services.query.versions.downloads import sign_downloads
from services.query.versions.lookups import find_version
from shared.database.audit import AuditFilter
from shared.domain.access.actions import Action
from shared.domain.errors import TooManyRequests, Unavailable
from shared.web.access.caller import Caller, declares
from shared.web.cursors import Cursor

router = APIRouter(include_in_schema=False)

Downloader = Annotated[Caller, declares(Action.DOWNLOAD)]
FILES_SHOWN = 200
EDITS_SHOWN = 50
ACTS_SHOWN = 20
TENSORS_SHOWN = 500
LINEAGE_DEPTH = 5
LINEAGE_NODES = 100


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
        "acts": await _acts(found, caller, context),
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


async def _acts(version: Version, caller: Caller, context: Context) -> AuditPage | None:
    """Return who did what to a version; None for who administers it not."""
    administering = caller.doing(Action.READ_AUDIT)
    if not administering.names.has(version.model):
        return None
    wanted = AuditFilter(subject=f"version:{version.id}")
    return await read_audit(wanted, None, ACTS_SHOWN, administering, context)


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
