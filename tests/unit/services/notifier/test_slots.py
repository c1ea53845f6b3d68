"""Bounds of what is sent at once: a failing receiver takes no place that others need."""

from datetime import UTC, datetime
from typing import Any

from services.notifier.sending.slots import Slot, Slots
from shared.domain.webhooks.records import SubscriptionRecord

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def subscription(name: str, *, is_failing: bool = False) -> SubscriptionRecord:
    told: dict[str, Any] = {"url": "https://example.com/", "models": ["*"], "owner": "o"}
    since = NOW if is_failing else None
    return SubscriptionRecord(
        id=name, made_by="o", created_at=NOW, changed_at=NOW, failing_since=since, **told
    )


def take_all(slots: Slots, wanted: SubscriptionRecord) -> list[Slot]:
    taken: list[Slot] = []
    while slots.has_room_for(wanted):
        taken.append(slots.take(wanted))
    return taken


def test_one_subscription_takes_no_more_than_its_share() -> None:
    slots = Slots(8, 3)
    assert len(take_all(slots, subscription("a"))) == 3
    assert len(take_all(slots, subscription("b"))) == 3
    assert len(take_all(slots, subscription("c"))) == 2
    assert slots.free == 0


def test_one_that_fails_has_a_single_place_and_all_that_fail_have_half() -> None:
    slots = Slots(8, 3)
    failing = [subscription(f"f{number}", is_failing=True) for number in range(20)]
    taken = [take_all(slots, each) for each in failing]
    assert [len(each) for each in taken[:5]] == [1, 1, 1, 1, 0]
    assert len(take_all(slots, subscription("well"))) == 3
    taken[0][0].free()
    assert slots.has_room_for(failing[10])


def test_a_place_that_is_given_back_counts_as_what_it_was_taken_as() -> None:
    slots = Slots(4, 2)
    [slot] = take_all(slots, subscription("a", is_failing=True))
    well = subscription("a")
    assert len(take_all(slots, well)) == 1
    slot.free()
    assert len(take_all(slots, well)) == 1
    assert len(take_all(slots, subscription("b", is_failing=True))) == 1


def test_those_that_were_slow_share_half_for_a_minute_however_quick_they_are_in_between() -> None:
    now = 0.0
    slots = Slots(8, 3, lambda: now)
    slow = [subscription(f"s{number}") for number in range(3)]
    for each in slow:
        slots.note_slow(each.id)
    taken = [take_all(slots, each) for each in slow]
    assert [len(each) for each in taken] == [3, 1, 0]
    well = [subscription(f"w{number}") for number in range(2)]
    assert [len(take_all(slots, each)) for each in well] == [3, 1]
    for slot in (*taken[0], *taken[1]):
        slot.free()
    now = 61.0
    assert [len(take_all(slots, each)) for each in slow] == [3, 1, 0], "all places are taken"
    assert slots.free == 0
