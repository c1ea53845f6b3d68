"""Who is sent to next: queues that are due, side by side, within bounds that keep them apart."""

import asyncio
from typing import NoReturn

from services.notifier.context import Context
from services.notifier.sending.delivering import Deliverer
from services.notifier.sending.sender import Sender
from services.notifier.sending.slots import Slot, Slots
from services.notifier.sending.turn import Turn
from shared.database.webhooks.queues import drop_queues, due_queues
from shared.database.webhooks.subscriptions import find_subscription
from shared.domain.errors import Unavailable
from shared.domain.webhooks.records import QueueRecord, SubscriptionRecord
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after
from shared.runtime.tasks import heed_cancellation, woken

IDLE_SECONDS = 1.0
"""How often queues are looked for that are due again, or that other processes filled."""
CANDIDATES = 64
"""Queues that are looked up at once."""
STUCK_SECONDS = 60.0
MAX_DEFECT_PAUSE_SECONDS = 60.0

log = get_logger(__name__)


class Dispatcher:
    """Sends until cancelled; `wake` tells that there may be something to send."""

    def __init__(self, context: Context, sender: Sender) -> None:
        settings = context.settings
        self._context = context
        self._deliverer = Deliverer(context, sender)
        self._slots = Slots(settings.webhook_concurrency, settings.webhook_subscription_concurrency)
        self._held: set[str] = set()
        """Queues that this process has in hand."""
        self._passed_over = False
        """Whether the last look left queues for which there was no room, or did not see all."""
        self._wake = asyncio.Event()
        self.mark = Mark("dispatch of webhooks", STUCK_SECONDS)

    def wake(self) -> None:
        """Look for queues now."""
        self._wake.set()

    async def run(self) -> NoReturn:
        """Send until cancelled; what is under way is then given back, and sent again."""
        async with asyncio.TaskGroup() as turns:
            while True:
                heed_cancellation()
                self._wake.clear()  # before the look: what comes during it is looked for again
                self.mark.moved()
                try:
                    looks_again = await self.begin_turns(turns)
                except Unavailable as error:
                    log.warning("no webhooks sent", error=type(error).__name__, detail=str(error))
                    looks_again = False
                except Exception as error:
                    log.error("no webhooks sent", exc_info=error)
                    await rest_after(error, self.mark, MAX_DEFECT_PAUSE_SECONDS)
                    continue
                self.mark.succeeded()
                if not looks_again:
                    self.mark.idle(IDLE_SECONDS)
                    await woken(self._wake, IDLE_SECONDS)

    async def begin_turns(self, turns: asyncio.TaskGroup) -> bool:
        """Begin the turns of queues that are due and for which there is room.

        Returns whether others may stand behind those that it began or removed.
        """
        known = await self._context.subscriptions.recent()
        without = {each.id for each in known if not self._may_send(each)}
        self._passed_over = any(each.is_sending and each.id in without for each in known)
        if self._slots.free <= 0:
            return False  # whoever ends wakes this
        has_begun, gone = False, set[str]()
        due = await due_queues(self._context.database, without=without, limit=CANDIDATES)
        self._passed_over |= len(due) == CANDIDATES
        for queue in due:
            if queue.id in self._held or queue.subscription in gone:
                self._passed_over = True
                continue  # it was given back since it was asked for, or is removed with the others
            subscription = self._context.subscriptions.get(queue.subscription)
            if subscription is None:
                if await self._drop_if_gone(queue):
                    gone.add(queue.subscription)
            elif self._may_send(subscription):
                slot = self._slots.take(subscription)
                self._held.add(queue.id)
                turns.create_task(self._turn(queue, slot))
                has_begun = True
            else:
                self._passed_over = True
        return self._passed_over and (has_begun or bool(gone))

    def _may_send(self, subscription: SubscriptionRecord) -> bool:
        return subscription.is_sending and self._slots.has_room_for(subscription)

    async def _turn(self, queue: QueueRecord, slot: Slot) -> None:
        turn = Turn(queue, self._context, self._deliverer)
        try:
            await turn.run()
        except Unavailable as error:
            log.warning("webhooks interrupted", queue=queue.id, detail=str(error))
        except Exception as error:
            # A defect, perhaps of one delivery: its lease keeps it from the others meanwhile.
            log.error("webhooks interrupted", queue=queue.id, exc_info=error)
        finally:
            if turn.was_slow:
                self._slots.note_slow(queue.subscription)
            slot.free()
            self._held.discard(queue.id)
            if self._passed_over or turn.leaves_due:
                self._wake.set()

    async def _drop_if_gone(self, queue: QueueRecord) -> bool:
        if await find_subscription(self._context.database, queue.subscription) is not None:
            return False
        await drop_queues(self._context.database, queue.subscription)
        return True
