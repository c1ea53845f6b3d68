"""The subscriptions as this process knows them: all of them, brought up to date at each look."""

from collections.abc import Collection
from datetime import datetime, timedelta
from time import monotonic

from shared.database.client import Database
from shared.database.webhooks.subscriptions import changed_since
from shared.domain.moments import BEGINNING
from shared.domain.webhooks.records import SubscriptionRecord

OVERLAP = timedelta(seconds=60)
"""A change is written with a time that was taken before; no statement takes longer than this."""
RECENT_SECONDS = 0.5
"""How old a look may be for whoever does not record events."""
WHOLE_SECONDS = 60.0
"""How often all are read anew: who is gone tells nothing of it."""


class Subscriptions:
    """All subscriptions. What was changed before `current` is asked for, it tells.

    So an event that was recorded after a subscription was made finds it: the notifier asks when it
    has read the event.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, SubscriptionRecord] = {}
        self._seen: datetime | None = None
        self._whole_at = 0.0
        self._looked_at = 0.0

    async def current(self) -> Collection[SubscriptionRecord]:
        """Return all subscriptions as they are now; raises DatabaseUnavailable."""
        now, at = await self._database.now(), monotonic()
        if self._seen is None or at - self._whole_at > WHOLE_SECONDS:
            found = await changed_since(self._database, BEGINNING)
            self._known = {each.id: each for each in found}
            self._whole_at = at
        else:
            for each in await changed_since(self._database, self._seen - OVERLAP):
                self._known[each.id] = each
        self._seen, self._looked_at = now, at
        return self._known.values()

    async def recent(self) -> Collection[SubscriptionRecord]:
        """Return all as they were half a second ago at most; raises DatabaseUnavailable."""
        if self._seen is None or monotonic() - self._looked_at > RECENT_SECONDS:
            return await self.current()
        return self.known()

    def known(self) -> Collection[SubscriptionRecord]:
        """Return all as they were at the last look."""
        return self._known.values()

    def get(self, subscription: str) -> SubscriptionRecord | None:
        """Return one as it was at the last look."""
        return self._known.get(subscription)

    def put(self, subscription: SubscriptionRecord) -> None:
        """Know of a change that this process made."""
        self._known[subscription.id] = subscription

    def forget(self, subscription: str) -> None:
        """Know that one is gone."""
        self._known.pop(subscription, None)
