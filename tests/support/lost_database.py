"""A registry whose database was lost: another one over the same servers, buckets and topics."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx

from local.processes.ports import HOST
from local.processes.state import SERVICES
from local.stack import start_services, stop
from shared.database.client import Database, open_database
from tests.support.access import BEARER
from tests.support.api import Api
from tests.support.isolation import settings_of


def another_topic() -> dict[str, str]:
    """A topic of model events that has none."""
    return {"KAFKA_MODEL_EVENTS_TOPIC": f"test-{uuid4().hex[:12]}.model-events"}


@asynccontextmanager
async def opened(environment: Mapping[str, str]) -> AsyncGenerator[Database]:
    """Open its database."""
    async with open_database(settings_of(environment)) as database:
        yield database


@asynccontextmanager
async def serving(root: Path, environment: Mapping[str, str]) -> AsyncGenerator[Api]:
    """Query and indexer over the rebuilt records."""
    group = {"KAFKA_INDEXER_GROUP": f"test-{uuid4().hex[:12]}"}
    try:
        started = start_services(root, {**environment, **group}, "free", names=("query", "indexer"))
        query = f"http://{HOST}:{started['QUERY_PORT']}"
        async with (
            httpx.AsyncClient(
                base_url=query, headers=BEARER, trust_env=False, timeout=60
            ) as to_query,
            httpx.AsyncClient(trust_env=False, timeout=60) as to_storage,
        ):
            yield Api(to_query, to_query, to_storage)
    finally:
        stop(root, SERVICES)
