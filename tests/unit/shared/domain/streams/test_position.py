"""Ids of places: any place is written and read back, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.streams.position import (
    MAX_CHARACTERS,
    MAX_PARTITIONS,
    BadPosition,
    Position,
    topic_tag,
)

TOPIC = topic_tag("model-events", bytes(range(16)))
offsets = st.dictionaries(st.integers(0, 40), st.integers(0, 2**62), max_size=41)


@given(offsets)
def test_a_place_is_read_as_it_was_written(read: dict[int, int]) -> None:
    position = Position(TOPIC, read)
    assert Position.parse(str(position)) == position
    assert str(position).isascii()


@given(offsets, st.data())
def test_a_changed_id_is_refused(read: dict[int, int], data: st.DataObject) -> None:
    text = str(Position(TOPIC, read))
    place = data.draw(st.integers(0, len(text) - 1))
    letters = st.characters(min_codepoint=33, max_codepoint=382)
    changed = text[:place] + data.draw(letters.filter(lambda each: each != text[place]))
    for wrong in (changed + text[place + 1 :], text[:place], text + text[place:]):
        with pytest.raises(BadPosition):
            Position.parse(wrong)


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(BadPosition):
        Position.parse(text)


def test_the_largest_topic_that_settings_allow_has_ids_that_a_request_can_carry() -> None:
    largest = Position(TOPIC, dict.fromkeys(range(MAX_PARTITIONS), 2**55))
    assert len(str(largest)) <= MAX_CHARACTERS
    assert Position.parse(str(largest)) == largest
    with pytest.raises(BadPosition):
        Position.parse(str(Position(TOPIC, dict.fromkeys(range(MAX_PARTITIONS + 1), 1))))


def test_an_id_of_six_partitions_is_short() -> None:
    assert len(str(Position(TOPIC, dict.fromkeys(range(6), 100_000)))) <= 44


def test_topics_are_told_apart_by_what_kafka_calls_them_and_by_their_names() -> None:
    again = topic_tag("model-events", bytes(range(1, 17)))
    assert len({TOPIC, again, topic_tag("other-events", bytes(range(16)))}) == 3
