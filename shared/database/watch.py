"""Change streams as wake-ups: they say that something may have changed, and are never the truth."""

from collections.abc import Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from shared.database.client import Collection, DatabaseError, Document
from shared.logs import get_logger

log = get_logger(__name__)


async def watch(
    collection: Collection,
    operations: list[str],
    on_change: Callable[[str | None], None],
) -> None:
    """Call `on_change` with the id of each document that was changed, until cancelled.

    It is called with None whenever the stream begins anew: changes before that may have been
    missed, so everybody who waits has to look for himself.
    """
    pipeline: list[Document] = [
        {"$match": {"operationType": {"$in": operations}}},
        {"$project": {"documentKey": 1}},
    ]

    async def follow() -> None:
        async with collection.watch(pipeline) as stream:
            on_change(None)
            while stream.alive:
                change: dict[str, Any] | None = await stream.try_next()
                if change is not None:
                    on_change(change["documentKey"]["_id"])

    def report(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning("change stream lost", collection=collection.name, error=type(failure).__name__)

    while True:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(DatabaseError),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            before_sleep=report,
        ):
            with attempt:
                await follow()
