"""Change streams as wake-ups: they say that something may have changed, and are never the truth."""

from collections.abc import Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from shared.database.client import Collection, DatabaseError, Document
from shared.runtime.logs import get_logger
from shared.runtime.tasks import heed_cancellation

log = get_logger(__name__)


async def watch(
    collection: Collection,
    operations: list[str],
    on_change: Callable[[Any], None],
    *,
    field: str = "documentKey._id",
) -> None:
    """Call `on_change` with a field of each change, until cancelled: the document's id, or another.

    It is called with None whenever the stream begins anew: changes before that may have been
    missed, so everybody who waits has to look for himself.
    """
    pipeline: list[Document] = [
        {"$match": {"operationType": {"$in": operations}}},
        {"$project": {"value": f"${field}"}},
    ]

    async def follow() -> None:
        async with collection.watch(pipeline) as stream:
            on_change(None)
            while stream.alive:
                change: dict[str, Any] | None = await stream.try_next()
                if change is not None:
                    on_change(change["value"])

    def report(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning("change stream lost", collection=collection.name, error=type(failure).__name__)

    while True:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(DatabaseError),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            before_sleep=report,
        ):
            heed_cancellation()
            with attempt:
                await follow()
