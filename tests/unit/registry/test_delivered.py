"""What a subscriber is given, in any order of the topic, beside a plain model of it."""

import logging
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry._delivered import MAX_GAPS, Delivered
from registry.schemas import EventData, ModelEvent
from shared.domain.records import utc_now

MODELS = ("a", "b")
Told = tuple[str, int]


def event(model: str, sequence: int) -> ModelEvent:
    data = EventData(model=model, number=1, version_id="v", state="ready", storage_group="models")
    return ModelEvent(
        id=f"{model}-{sequence}",
        source="s",
        type="registry.version.ready.v1",
        subject=f"{model}/1",
        time=utc_now(),
        sequence=sequence,
        data=data,
    )


def given_out(delivered: Delivered, topic: list[Told]) -> list[Told]:
    return [told for told in topic if delivered.is_new(event(*told))]


@st.composite
def shuffled(draw: st.DrawFn) -> list[Told]:
    """Events of some models, each at least once, in any order."""
    counts = {model: draw(st.integers(0, 12)) for model in MODELS}
    once = [(model, n) for model, count in counts.items() for n in range(1, count + 1)]
    repeated = draw(st.lists(st.sampled_from(once), max_size=10)) if once else []
    return draw(st.permutations(once + repeated))


@st.composite
def relayed(draw: st.DrawFn) -> list[Told]:
    """A topic as relays write it: in order per model, some of the last events once more."""
    topic: list[Told] = []
    reached: dict[str, int] = defaultdict(int)
    for model in draw(st.lists(st.sampled_from(MODELS), max_size=20)):
        again = draw(st.integers(0, min(3, reached[model])))
        first = reached[model] - again + 1
        reached[model] += 1
        topic += [(model, n) for n in range(first, reached[model] + 1)]
    return topic


@given(shuffled())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_in_any_order_each_event_is_delivered_exactly_once(topic: list[Told]) -> None:
    got = given_out(Delivered(None, "beginning"), topic)
    assert got == list(dict.fromkeys(topic))


@given(relayed())
def test_where_the_topic_is_in_order_so_is_what_is_delivered(topic: list[Told]) -> None:
    got = given_out(Delivered(None, "beginning"), topic)
    for model in MODELS:
        numbers = [n for name, n in got if name == model]
        assert numbers == list(range(1, len(numbers) + 1))
    assert set(got) == set(topic)


@given(relayed(), st.data())
def test_two_partitions_read_side_by_side_lose_nothing(
    old: list[Told], data: st.DataObject
) -> None:
    """Partitions were added: the later events of a model are in another partition."""
    new = [(model, max((n for m, n in old if m == model), default=0) + 1) for model in MODELS]
    topic, left, right = list[Told](), list(old), list(new)
    while left or right:
        source = left if left and (not right or data.draw(st.booleans())) else right
        topic.append(source.pop(0))
    got = given_out(Delivered(None, "beginning"), topic)
    assert sorted(got) == sorted(set(old + new))


@given(shuffled(), st.integers(0, 12))
def test_what_was_seen_before_the_start_does_not_come(topic: list[Told], seen: int) -> None:
    got = given_out(Delivered(None, {"a": seen}), topic)
    assert got == [each for each in dict.fromkeys(topic) if each[0] == "b" or each[1] > seen]
    of_a = given_out(Delivered("a", seen), topic)
    assert of_a == [each for each in got if each[0] == "a"]


def test_what_is_remembered_is_bounded_and_what_is_given_up_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    delivered = Delivered(None, "beginning")
    odd = range(1, 2 * MAX_GAPS + 10, 2)
    with caplog.at_level(logging.WARNING):
        assert given_out(delivered, [("a", n) for n in odd]) == [("a", n) for n in odd]
    lost = [2 * n for n in range(1, 5)]
    assert caplog.messages == [
        f"too many gaps: events {n} to {n} of 'a' are not waited for" for n in lost
    ]
    late = [("a", n) for n in range(2, odd[-1], 2)]
    assert given_out(delivered, late) == late[len(lost) :]
