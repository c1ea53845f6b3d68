"""One turn of one queue: taken under a lease, its deliveries sent in order, and given back."""

import asyncio
from datetime import timedelta
from time import monotonic

from services.notifier.context import Context
from services.notifier.sending.delivering import Deliverer, Rest
from shared.database.client import limit_operations
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import LeaseLost, keep_renewed
from shared.database.webhooks.deliveries import waiting_in
from shared.database.webhooks.queues import (
    give_back_queue,
    remove_queue,
    renew_queue,
    take_queue,
)
from shared.domain.records import new_id
from shared.domain.webhooks.records import QueueRecord
from shared.runtime.logs import get_logger
from shared.runtime.tasks import run_guarded

LEASE_SECONDS = 10.0
"""Renewed three times meanwhile, however long a request takes: so long others wait for a queue
whose holder was killed."""
AT_ONCE = 16
"""Deliveries that are read together."""
MOST_IN_A_TURN = 128
"""Deliveries after which others have their turn."""
MOST_SECONDS = 5.0
"""And the time after which they have it, however quick each of them was."""
GIVE_BACK_SECONDS = 2.0
"""How long giving a queue back may take at the end: without it, the lease ends by itself."""

log = get_logger(__name__)


class Turn:
    """Sends what waits in a queue, as long as it holds it and the receiver takes it."""

    def __init__(self, queue: QueueRecord, context: Context, deliverer: Deliverer) -> None:
        self._queue = queue
        self._context = context
        self._deliverer = deliverer
        self._token = new_id()
        self._lease = timedelta(seconds=LEASE_SECONDS)
        self.was_slow = False
        """Whether the receiver took long: then the turn ends, and others have its place."""
        self.leaves_due = False
        """Whether more may be sent at once: of this queue, or of others that rested."""

    async def run(self) -> None:
        """Take the queue, where it is still as it was found, and send; raises nothing else than
        DatabaseUnavailable, defects and cancellation, after which the queue comes again."""
        database = self._context.database
        try:
            # Inside too: cut off while the server answers, the queue may have been taken.
            if not await take_queue(database, self._queue, self._token, self._lease):
                return
            keeping = keep_renewed(self._queue.id, self._renew, seconds=LEASE_SECONDS)
            rest = await run_guarded(self._send_all(), keeping)
        except LeaseLost:
            log.warning("queue lost", queue=self._queue.id)
            return
        except asyncio.CancelledError:
            await self._give_back_at_the_end()
            raise
        if rest is not None:
            self.leaves_due |= not rest.pause
            await give_back_queue(database, self._queue.id, self._token, rest.pause, rest.outage)

    async def _send_all(self) -> Rest | None:
        """Send one after the other; returns how long the queue rests, None where it is removed."""
        database, queue = self._context.database, self._queue
        # Counted before it is looked into: what is put in after that keeps the queue.
        pushed = queue.pushed
        sent, ends_at = 0, monotonic() + MOST_SECONDS
        while sent < MOST_IN_A_TURN:
            waiting = await waiting_in(database, queue.id, AT_ONCE)
            for delivery in waiting:
                subscription = self._context.subscriptions.get(queue.subscription)
                if subscription is None or not subscription.is_sending:
                    return Rest()  # it is passed over until it sends again
                became = await self._deliverer.deliver(subscription, delivery)
                self.was_slow |= became.is_slow
                if isinstance(became, Rest):
                    return became
                # Who failed before is told of by the records, or by the delivery itself.
                has_failed = subscription.failing_since is not None or delivery.attempt_count > 0
                if became.is_delivered and has_failed:
                    await self._deliverer.succeeded(subscription)
                    self.leaves_due = True
                if self.was_slow or monotonic() > ends_at:
                    return Rest()
            sent += len(waiting)
            is_empty = len(waiting) < AT_ONCE
            if is_empty and await remove_queue(database, queue.id, self._token, pushed):
                return None
            counted = await renew_queue(database, queue.id, self._token, self._lease)
            if counted is None:
                raise LeaseLost(queue.id)
            pushed = counted
        return Rest()

    async def _renew(self) -> bool:
        database, queue = self._context.database, self._queue.id
        return await renew_queue(database, queue, self._token, self._lease) is not None

    async def _give_back_at_the_end(self) -> None:
        try:
            with limit_operations(GIVE_BACK_SECONDS):
                await give_back_queue(self._context.database, self._queue.id, self._token)
        except DatabaseUnavailable as error:
            log.warning("queue not given back", queue=self._queue.id, error=error.reason)
