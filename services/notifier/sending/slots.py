"""How much is under way at once: in all, for one subscription, and for those that fail."""

from collections import Counter
from collections.abc import Callable
from time import monotonic

from cachetools import TTLCache

from shared.domain.webhooks.records import SubscriptionRecord

SLOW_KEPT_SECONDS = 60.0
"""How long a subscription counts as slow after a request that was: it may be quick in between."""
MOST_SLOW = 10_000


class Slots:
    """Bounds of what is sent at once: who fails or is slow takes no place that others need."""

    def __init__(self, total: int, of_one: int, clock: Callable[[], float] = monotonic) -> None:
        self._total = total
        self._of_one = of_one
        self._taken: Counter[str] = Counter()
        self._held_back = 0
        """Places that are taken by those that fail or are slow."""
        self._slow: TTLCache[str, bool] = TTLCache(MOST_SLOW, SLOW_KEPT_SECONDS, clock)

    def note_slow(self, subscription: str) -> None:
        """Take note of a request that took long, also where it was answered well in the end."""
        self._slow[subscription] = True

    @property
    def free(self) -> int:
        """How many more may be taken by some subscription."""
        return self._total - self._taken.total()

    def has_room_for(self, subscription: SubscriptionRecord) -> bool:
        """Whether one more may be under way. Those that fail have one each; with those that are
        slow they have half of all."""
        if self.free <= 0:
            return False
        if self._is_held_back(subscription) and self._held_back >= self._total // 2:
            return False
        most = self._of_one if subscription.failing_since is None else 1
        return self._taken[subscription.id] < most

    def _is_held_back(self, subscription: SubscriptionRecord) -> bool:
        return subscription.failing_since is not None or subscription.id in self._slow

    def take(self, subscription: SubscriptionRecord) -> "Slot":
        """Take a place, which is given back by `Slot.free`."""
        is_held_back = self._is_held_back(subscription)
        self._taken[subscription.id] += 1
        self._held_back += is_held_back
        return Slot(self, subscription.id, is_held_back=is_held_back)

    def give_back(self, subscription: str, *, is_held_back: bool) -> None:
        """Give a place back."""
        self._taken[subscription] -= 1
        if self._taken[subscription] == 0:
            del self._taken[subscription]
        self._held_back -= is_held_back


class Slot:
    """A place that is taken."""

    def __init__(self, slots: Slots, subscription: str, *, is_held_back: bool) -> None:
        self._slots = slots
        self._subscription = subscription
        self._is_held_back = is_held_back

    def free(self) -> None:
        """Give it back."""
        self._slots.give_back(self._subscription, is_held_back=self._is_held_back)
