"""How much is under way at once: in all, for one subscription, and for those that fail."""

from collections import Counter

from shared.domain.webhooks.records import SubscriptionRecord


class Slots:
    """Bounds of what is sent at once; a failing receiver takes no place that others need."""

    def __init__(self, total: int, of_one: int) -> None:
        self._total = total
        self._of_one = of_one
        self._taken: Counter[str] = Counter()
        self._failing = 0

    @property
    def free(self) -> int:
        """How many more may be taken by some subscription."""
        return self._total - self._taken.total()

    def has_room_for(self, subscription: SubscriptionRecord) -> bool:
        """Whether one more may be under way. Those that fail have one each, and half of all."""
        if self.free <= 0:
            return False
        taken = self._taken[subscription.id]
        if subscription.failing_since is None:
            return taken < self._of_one
        return taken == 0 and self._failing < self._total // 2

    def take(self, subscription: SubscriptionRecord) -> "Slot":
        """Take a place, which is given back by `Slot.free`."""
        is_failing = subscription.failing_since is not None
        self._taken[subscription.id] += 1
        self._failing += is_failing
        return Slot(self, subscription.id, is_failing=is_failing)

    def give_back(self, subscription: str, *, is_failing: bool) -> None:
        """Give a place back."""
        self._taken[subscription] -= 1
        if self._taken[subscription] == 0:
            del self._taken[subscription]
        self._failing -= is_failing


class Slot:
    """A place that is taken."""

    def __init__(self, slots: Slots, subscription: str, *, is_failing: bool) -> None:
        self._slots = slots
        self._subscription = subscription
        self._is_failing = is_failing

    def free(self) -> None:
        """Give it back."""
        self._slots.give_back(self._subscription, is_failing=self._is_failing)
