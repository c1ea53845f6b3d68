"""One batch of Kafka messages: parsed, indexed, and acknowledged only when all of it is durable."""

from collections.abc import Sequence

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten, PoisonMessage, parse_bucket_event
from services.indexer.events.indexing import Indexed, index_objects
from shared.domain.errors import Unavailable
from shared.kafka.dead_letters import Bury, DeadLetter
from shared.kafka.topic_reader import RawMessage
from shared.runtime.logs import get_logger
from shared.runtime.progress import tell_progress
from shared.storage.connection import StorageUnavailable

RETRY_SECONDS = 60.0
"""Patience with an absent server, far under Kafka's poll interval of 5 minutes."""
ONE_SECONDS = 3.0
"""Patience with one object that storage fails at, once it is known to answer otherwise."""
MAX_DAMAGED = 20
"""Such objects of one batch; more of them are no fault of theirs, and the batch comes again."""
OUTAGE = (Unavailable,)
"""What says that a server is away: the messages are not at fault, and come again."""

log = get_logger(__name__)


async def handle_batch(messages: Sequence[RawMessage], *, context: Context, bury: Bury) -> bool:
    """Index the batch; True where work is left to do: objects to be read whole, or found.

    Absent servers are waited for with jitter. When that takes over a minute the error is raised:
    the batch is then not acknowledged and comes again. A message that cannot be handled, for
    whatever reason but an outage, becomes a dead letter, and the others go on without it. So does
    one of an object that storage fails at while it answers otherwise: a damaged one never ends.
    """
    parsed = [
        (message, written)
        for message in messages
        if (written := await _parse(message, bury)) is not None
    ]
    try:
        indexed = [await _index([each for _, written in parsed for each in written], context)]
    except StorageUnavailable as error:
        await _require_storage(context)
        log.warning("storage fails at an object", messages=len(messages), detail=str(error))
        indexed = await _index_one_by_one(parsed, context, bury, seconds=ONE_SECONDS)
    except OUTAGE:
        raise
    except Exception as error:
        # A defect, of the data or of ours: find the message that brings it out.
        log.error("batch failed", messages=len(messages), exc_info=error)
        indexed = await _index_one_by_one(parsed, context, bury)
    return any(each.has_work for each in indexed)


async def _index_one_by_one(
    parsed: Sequence[tuple[RawMessage, list[ObjectWritten]]],
    context: Context,
    bury: Bury,
    *,
    seconds: float | None = None,
) -> list[Indexed]:
    """Index each message by itself; those that cannot be are buried."""
    indexed: list[Indexed] = []
    damaged = 0
    for message, written in parsed:
        try:
            indexed.append(await _index(written, context, seconds))
        except StorageUnavailable as error:
            damaged += 1
            if damaged > MAX_DAMAGED:
                raise  # it is no fault of single objects
            await _require_storage(context)
            await _bury(message, error, bury)
        except OUTAGE:
            raise
        except Exception as error:
            await _bury(message, error, bury)
        tell_progress()
    return indexed


async def _require_storage(context: Context) -> None:
    """Return where storage answers; raises StorageUnavailable."""
    await context.storage.buckets.exists(context.settings.minio_bucket)


async def _index(
    written: Sequence[ObjectWritten], context: Context, seconds: float | None = None
) -> Indexed:
    async for attempt in _patience(seconds):
        with attempt:
            return await index_objects(written, context)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _parse(message: RawMessage, bury: Bury) -> list[ObjectWritten] | None:
    try:
        return parse_bucket_event(message.value)
    except PoisonMessage as error:
        await _bury(message, error, bury)
        return None


async def _bury(message: RawMessage, error: Exception, bury: Bury) -> None:
    async for attempt in _patience():
        with attempt:
            await bury(DeadLetter.of_message(message, error))
    place = {"partition": message.partition, "offset": message.offset}
    log.warning("dead letter", **place, reason=str(error))


def _patience(seconds: float | None = None) -> AsyncRetrying:
    return AsyncRetrying(
        retry=retry_if_exception_type(OUTAGE),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(RETRY_SECONDS if seconds is None else seconds),
        reraise=True,
    )
