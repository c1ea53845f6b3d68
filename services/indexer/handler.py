"""One batch of Kafka messages: parsed, indexed, and acknowledged only when all of it is durable."""

from collections.abc import Awaitable, Callable, Sequence

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from services.indexer.bucket_events import ObjectWritten, PoisonMessage, parse_bucket_event
from services.indexer.context import Context
from services.indexer.indexing import index_objects
from services.indexer.messaging import RawRecord
from shared.database import DatabaseError
from shared.errors import Unavailable
from shared.logs import get_logger

RETRY_SECONDS = 60.0
"""Patience with an absent server, far under Kafka's poll interval of 5 minutes."""

log = get_logger(__name__)

DeadLetter = Callable[[RawRecord, PoisonMessage], Awaitable[None]]


async def handle_batch(
    records: Sequence[RawRecord], *, context: Context, dead_letter: DeadLetter
) -> bool:
    """Index the batch; True where objects must be read whole next.

    Absent servers are waited for with jitter. When that takes over a minute the error is raised:
    the batch is then not acknowledged and comes again.
    """
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type((Unavailable, DatabaseError)),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(RETRY_SECONDS),
        reraise=True,
    ):
        with attempt:
            written = await _parse(records, dead_letter)
            return await index_objects(written, context)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _parse(records: Sequence[RawRecord], dead_letter: DeadLetter) -> list[ObjectWritten]:
    written: list[ObjectWritten] = []
    for record in records:
        try:
            written += parse_bucket_event(record.value)
        except PoisonMessage as error:
            await dead_letter(record, error)
            log.warning(
                "dead letter", partition=record.partition, offset=record.offset, reason=str(error)
            )
    return written
