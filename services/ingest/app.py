"""Composition root of ingest: what it is made of, and in which order it starts and stops."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request

from services.ingest.aliases.proposal_routes import router as proposals
from services.ingest.aliases.routes import router as aliases
from services.ingest.context import Context
from services.ingest.edits.routes import router as edits
from services.ingest.figures import Figures
from services.ingest.hub.routes import router as hub
from services.ingest.lifecycle.routes import router as lifecycle
from services.ingest.lineage.routes import router as lineage
from services.ingest.mlflow.routes import router as mlflow
from services.ingest.rules.routes import router as rules
from services.ingest.tokens.routes import router as tokens
from services.ingest.uploads.routes import router as uploads
from services.ingest.webhooks.routes import router as webhooks
from shared.database.audit import keep_retention
from shared.database.client import open_database
from shared.database.errors import DatabaseUnavailable
from shared.database.indexes import verify_indexes
from shared.domain.errors import RegistryError
from shared.runtime.logs import get_logger
from shared.runtime.progress import troubles
from shared.runtime.settings import Settings
from shared.runtime.startup import Preparation
from shared.runtime.telemetry.metrics import measured, metrics_of
from shared.runtime.telemetry.tracing import traced
from shared.storage.adapter import open_storage
from shared.web.access.audit import Audit, open_audit
from shared.web.access.authentication import Authenticator
from shared.web.access.oidc.source import OidcTokens
from shared.web.access.session_holders import HandedOnSessions, SessionHolders
from shared.web.dialects import speak
from shared.web.limits import RequestLimit
from shared.web.mlflow.errors import MLFLOW
from shared.web.readiness import absent_servers
from shared.web.service import add_shared_parts, make_app

log = get_logger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Return the service; it opens its clients when it starts."""
    metrics = metrics_of(settings)
    figures = Figures(metrics) if metrics else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            stack.enter_context(measured(metrics))
            await stack.enter_async_context(traced(settings, "ingest"))
            database = await stack.enter_async_context(open_database(settings, metrics))
            storage = await stack.enter_async_context(open_storage(settings))
            counts = figures.counts if figures else None
            context = Context.create(settings, database, storage, counts)
            oidc = OidcTokens(settings.oidc_issuers, database.now)
            # Of people whose forms query hands on.
            sessions = HandedOnSessions(SessionHolders(database, settings))
            preparation = Preparation("indexes and bucket")
            stack.callback(asyncio.create_task(_prepare(context, preparation)).cancel)
            audit = await stack.enter_async_context(open_audit(database))
            if figures:
                figures.watch(partial(_missing, context, preparation, audit), context)
            yield {
                "context": context,
                "preparation": preparation,
                "authenticator": Authenticator.of(settings, database, [sessions, oidc]),
                "audit": audit,
            }

    app = make_app(
        "Model Registry: ingest", "Upload sessions: open, sign, complete, abort.", lifespan
    )
    app.include_router(uploads)
    app.include_router(aliases)
    app.include_router(lifecycle)
    app.include_router(edits)
    app.include_router(proposals)
    app.include_router(rules)
    app.include_router(lineage)
    app.include_router(hub)
    app.include_router(tokens)
    app.include_router(webhooks)
    app.include_router(mlflow)
    # First, so that it stands behind the body limit: a slow sender does not count.
    app.add_middleware(RequestLimit, limit=settings.ingest_max_requests)
    add_shared_parts(app, settings, _waits_for, metrics)
    speak(app, [MLFLOW])
    return app


async def _prepare(context: Context, preparation: Preparation) -> None:
    """Make what requests need, as soon as the servers answer."""

    async def prepare() -> None:
        await verify_indexes(context.database)
        await _keep_retention(context)
        await context.groups.prepare()

    await preparation.run(prepare, errors=(RegistryError,))


async def _keep_retention(context: Context) -> None:
    """Have the audit forget as settings say; without the right to it, a migration has to."""
    try:
        await keep_retention(context.database, context.settings.audit_retention_days)
    except DatabaseUnavailable as error:
        if not error.is_refused:
            raise
        log.warning("retention of the audit not changed", reason=error.reason)


async def _waits_for(request: Request) -> list[str]:
    """Name what is missing for uploads to work now."""
    context: Context = request.state.context
    preparation: Preparation = request.state.preparation
    return await _missing(context, preparation, request.state.audit)


async def _missing(context: Context, preparation: Preparation, audit: Audit) -> list[str]:
    bucket = context.settings.minio_bucket
    missing = await absent_servers(context.database, context.storage, bucket)
    if missing:
        return missing
    waits_for = [preparation.waits_for] if preparation.waits_for else []
    return waits_for + troubles([audit.mark])
