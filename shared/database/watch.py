"""Change streams as wake-ups: they say that something may have changed, and are never the truth."""

from collections.abc import Callable
from typing import Any, NoReturn

from pymongo.errors import PyMongoError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from shared.database.client import Database
from shared.database.collection import Collection, Document
from shared.database.errors import kind_of
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark
from shared.runtime.tasks import heed_cancellation

STUCK_SECONDS = 60.0
"""A stream tells within some seconds that nothing changed; one that is lost begins anew by then."""

_ANY_CHANGE = ["insert", "update", "replace", "delete"]

log = get_logger(__name__)


def stream_mark(collection: str) -> Mark:
    """Return a mark for the change stream of a collection."""
    return Mark(f"change stream of {collection}", STUCK_SECONDS)


async def watch_versions(
    database: Database, on_change: Callable[[str | None], None], mark: Mark
) -> NoReturn:
    """Call `on_change` with the id of each version that is new, changed or gone, until cancelled.

    It is called with None whenever the stream begins anew: changes before that may have been
    missed, so everybody who waits has to look for himself. The mark moves with each answer of the
    stream, and not while it is lost.
    """
    await _watch(database.versions, _ANY_CHANGE, "documentKey._id", on_change, mark)


async def watch_models(
    database: Database, on_change: Callable[[str | None], None], mark: Mark
) -> NoReturn:
    """Call `on_change` with the name of each model that changed, or with None: see above."""
    await _watch(database.models, _ANY_CHANGE, "documentKey._id", on_change, mark)


async def watch_outbox(
    database: Database, on_change: Callable[[int | None], None], mark: Mark
) -> NoReturn:
    """Call `on_change` with the lane of each entry that is new, or with None: see above."""
    await _watch(database.outbox, ["insert"], "fullDocument.lane", on_change, mark)


async def _watch(
    collection: Collection,
    operations: list[str],
    field: str,
    on_change: Callable[[Any], None],
    mark: Mark,
) -> NoReturn:
    pipeline: list[Document] = [
        {"$match": {"operationType": {"$in": operations}}},
        {"$project": {"value": f"${field}"}},
    ]

    async def follow() -> None:
        async with collection.driver.watch(pipeline) as stream:
            on_change(None)
            mark.succeeded()
            while stream.alive:
                mark.moved()
                change: dict[str, Any] | None = await stream.try_next()
                if change is not None:
                    on_change(change.get("value"))  # without one, anything may have changed

    def report(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        kind = kind_of(failure) if isinstance(failure, PyMongoError) else None
        # Whoever waits for a wake-up looks by himself now and then, so this must not end either.
        if kind == "permanent" and failure is not None:
            mark.failed(failure)
        tell = log.error if kind == "permanent" else log.warning
        tell("change stream lost", collection=collection.name, error=type(failure).__name__)

    mark.moved()
    while True:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(PyMongoError),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            before_sleep=report,
        ):
            heed_cancellation()
            with attempt:
                await follow()
