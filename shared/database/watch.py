"""Change streams as wake-ups: they say that something may have changed, and are never the truth."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NoReturn

from bson import decode_all  # pyright: ignore[reportUnknownVariableType] - of arrays
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

Rest = Callable[[], Awaitable[None]]
"""Waited for between two questions: what changes meanwhile comes in one answer, not in one each."""
OUTBOX_REST_SECONDS = 0.01
"""Events are wanted at once; of those that come together, one answer tells."""
AWAIT_MILLISECONDS = 1000
"""How long the server waits for a change before it answers without one."""

_ANY_CHANGE = ["insert", "update", "replace", "delete"]

log = get_logger(__name__)


def stream_mark(collection: str) -> Mark:
    """Return a mark for the change stream of a collection."""
    return Mark(f"change stream of {collection}", STUCK_SECONDS)


async def watch_versions(
    database: Database, on_change: Callable[[str | None], None], mark: Mark, rest: Rest
) -> NoReturn:
    """Call `on_change` with the id of each version that is new, changed or gone, until cancelled.

    It is called with None whenever the stream begins anew: changes before that may have been
    missed, so everybody who waits has to look for himself. The mark moves with each answer of the
    stream, and not while it is lost.
    """
    await _watch(database.versions, _ANY_CHANGE, "documentKey._id", on_change, mark, rest)


async def watch_models(
    database: Database, on_change: Callable[[str | None], None], mark: Mark, rest: Rest
) -> NoReturn:
    """Call `on_change` with the name of each model that changed, or with None: see above."""
    await _watch(database.models, _ANY_CHANGE, "documentKey._id", on_change, mark, rest)


async def watch_outbox(
    database: Database, on_change: Callable[[int | None], None], mark: Mark
) -> NoReturn:
    """Call `on_change` with the lane of each entry that is new, or with None: see above."""
    rest = partial(asyncio.sleep, OUTBOX_REST_SECONDS)
    await _watch(database.outbox, ["insert"], "fullDocument.lane", on_change, mark, rest)


async def _watch(
    collection: Collection,
    operations: list[str],
    field: str,
    on_change: Callable[[Any], None],
    mark: Mark,
    rest: Rest,
) -> NoReturn:
    pipeline: list[Document] = [
        {"$changeStream": {}},
        {"$match": {"operationType": {"$in": operations}}},
        {"$project": {"value": f"${field}"}},
    ]

    async def follow() -> None:
        is_open = False
        async with aclosing(_answers(collection, pipeline)) as answers:
            async for changes in answers:
                mark.moved()
                if not is_open:
                    on_change(None)
                    mark.succeeded()
                    is_open = True
                for change in changes:
                    on_change(change.get("value"))  # without one, anything may have changed
                await rest()

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


async def _answers(
    collection: Collection, pipeline: Sequence[Document]
) -> AsyncGenerator[list[Document]]:
    """Yield the changes of each answer to a question, also none, until the cursor is gone.

    The driver's own change streams yield single changes, and do not tell which of them is the last
    that came: whoever rests after each falls behind, and who never rests asks once for each. That
    they resume by themselves is no loss, since a stream that begins anew is told as one.
    """
    driver: Any = collection.driver
    async with driver.aggregate_raw_batches(pipeline, maxAwaitTimeMS=AWAIT_MILLISECONDS) as cursor:
        while cursor.alive:
            answer: bytes | None = await anext(cursor, None)
            yield decode_all(answer) if answer else []
