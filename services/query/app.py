"""Composition root of query: what it is made of, and in which order it starts and stops."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request

from services.query.aliases.routes import router as aliases
from services.query.audit.routes import router as audit_entries
from services.query.compare.headers import Headers
from services.query.compare.routes import router as compare
from services.query.context import Context
from services.query.edits.routes import router as edits
from services.query.figures import Figures
from services.query.forwarding import open_forwarding
from services.query.hub.errors import HUB
from services.query.hub.origins import warn_of_one_origin
from services.query.hub.routes import router as hub
from services.query.hub.writing import router as hub_writing
from services.query.lineage.routes import router as lineage
from services.query.mlflow.routes import router as mlflow
from services.query.oci.errors import OCI
from services.query.oci.routes import router as oci
from services.query.operations.routes import router as operations
from services.query.rules.routes import router as rules
from services.query.search.projection.projection import Projection
from services.query.search.routes import router as search_routes
from services.query.stream.routes import router as stream
from services.query.stream.streams import Streams
from services.query.ui.entrance import PAGES, SCRIPTED, upload_pages
from services.query.ui.line import open_line
from services.query.ui.namespaces import Counts
from services.query.ui.paths import FROM_ISSUER, own_headers
from services.query.ui.routers import PAGE_ROUTERS
from services.query.versions.feed import VersionFeed
from services.query.versions.routes import lookups_router as lookups
from services.query.versions.routes import router as versions
from services.query.webhooks.routes import router as webhooks
from shared.database.client import open_database
from shared.database.errors import DatabaseUnavailable
from shared.database.indexes import IndexesMissing, verify_indexes
from shared.database.versions import Versions
from shared.runtime.connections import AT_END, OWN_HEADERS
from shared.runtime.progress import troubles
from shared.runtime.settings import Settings
from shared.runtime.startup import Preparation
from shared.runtime.tasks import end
from shared.runtime.telemetry.metrics import measured, metrics_of
from shared.runtime.telemetry.tracing import traced
from shared.storage.adapter import open_storage
from shared.web.access.audit import Audit, open_audit
from shared.web.access.authentication import Authenticator
from shared.web.access.browser_sessions import BrowserSessions
from shared.web.access.oidc.code_flow import CodeFlow
from shared.web.access.oidc.source import OidcTokens
from shared.web.access.session_holders import SessionHolders
from shared.web.dialects import speak
from shared.web.mlflow.errors import MLFLOW
from shared.web.readiness import absent_servers
from shared.web.service import add_shared_parts, make_app


def create_app(settings: Settings) -> FastAPI:
    """Return the service; it opens its clients when it starts."""
    metrics = metrics_of(settings)
    figures = Figures(metrics) if metrics else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        warn_of_one_origin(settings)
        async with AsyncExitStack() as stack:
            stack.enter_context(measured(metrics))
            await stack.enter_async_context(traced(settings, "query"))
            database = await stack.enter_async_context(open_database(settings, metrics))
            storage = await stack.enter_async_context(open_storage(settings))
            feed = VersionFeed(database)
            search = Projection(
                database,
                settings.query_search_folder,
                check_versions_per_second=settings.query_search_check_per_second,
            )
            feed.tell_also(search.hints.version_changed)
            headers = Headers.of(settings, storage.objects)
            line = await stack.enter_async_context(open_line(settings))
            ingest = await stack.enter_async_context(open_forwarding(settings))
            streams = Streams(settings)
            context = Context(
                settings,
                database,
                Versions(database),
                feed,
                storage.urls,
                headers,
                search,
                ingest,
                streams,
            )
            sessions = BrowserSessions(SessionHolders(database, settings))
            oidc = OidcTokens(settings.oidc_issuers, database.now)
            preparation = Preparation("indexes")
            stack.callback(asyncio.create_task(_prepare(context, preparation)).cancel)
            stack.callback(asyncio.create_task(feed.run()).cancel)
            stack.push_async_callback(end, asyncio.create_task(search.run()))
            stack.push_async_callback(end, asyncio.create_task(streams.run()))
            audit = await stack.enter_async_context(open_audit(database))
            if figures:
                figures.watch(partial(_missing, context, preparation, audit), search, streams)
            yield {
                AT_END: streams.begin_end,
                "context": context,
                "line": line,
                "namespaces": Counts(),
                "preparation": preparation,
                "authenticator": Authenticator.of(settings, database, [sessions, oidc]),
                "browser_sessions": sessions,
                "code_flow": CodeFlow.of(settings, database.now, FROM_ISSUER),
                OWN_HEADERS: own_headers,
                "audit": audit,
            }

    summary = "Models, versions and downloads."
    app = make_app("Model Registry: query", summary, lifespan, [*lookups.routes, *versions.routes])
    app.include_router(compare)
    app.include_router(lineage)
    app.include_router(aliases)
    app.include_router(edits)
    app.include_router(rules)
    app.include_router(audit_entries)
    app.include_router(webhooks)
    app.include_router(operations)
    app.include_router(search_routes)
    app.include_router(stream)
    for pages in PAGE_ROUTERS:
        app.include_router(pages)
    app.include_router(hub)
    app.include_router(hub_writing)
    app.include_router(oci)
    app.include_router(mlflow)
    add_shared_parts(app, settings, _waits_for, metrics)
    speak(app, [upload_pages(settings), SCRIPTED, PAGES, HUB, OCI, MLFLOW])
    return app


async def _prepare(context: Context, preparation: Preparation) -> None:
    """Have the indexes that lookups need, as soon as MongoDB answers."""

    async def verify() -> None:
        await verify_indexes(context.database)

    await preparation.run(verify, errors=(DatabaseUnavailable, IndexesMissing))


async def _waits_for(request: Request) -> list[str]:
    """Name what is missing for lookups to work now; storage is asked by comparisons alone."""
    context: Context = request.state.context
    preparation: Preparation = request.state.preparation
    return await _missing(context, preparation, request.state.audit)


async def _missing(context: Context, preparation: Preparation, audit: Audit) -> list[str]:
    missing = await absent_servers(context.database, None, context.settings.minio_bucket)
    if missing:
        return missing
    waits_for = [preparation.waits_for] if preparation.waits_for else []
    return waits_for + troubles([context.feed.mark, audit.mark])
