"""A dead letter read back is the message that it was made of."""

from dataclasses import replace

import pytest

from services.indexer.events.bucket_events import PoisonMessage
from shared.domain.errors import Conflict
from shared.kafka.dead_letters import (
    MAX_KEY_BYTES,
    MAX_VALUE_BYTES,
    DeadLetter,
    RawMessage,
)
from shared.kafka.letters import Letter, WholeLetter, original_of
from tests.support.records import artifact
from tests.unit.shared.kafka.test_dead_letters import BAD_HEADERS, record


def lying(letter: DeadLetter) -> RawMessage:
    """The letter as it lies in its topic, at 2/17."""
    headers = tuple((name, text.encode()) for name, text in letter.headers.items())
    return replace(record(letter.value, headers), key=letter.key)


def letter_of(found: RawMessage, reason: str = "it is no JSON") -> RawMessage:
    return lying(DeadLetter.of_message(found, PoisonMessage(reason)))


def test_a_list_tells_where_it_came_from_and_why() -> None:
    letter = Letter.of(letter_of(record(b"poison", BAD_HEADERS)))
    assert (letter.partition, letter.offset, letter.reason) == (2, 17, "it is no JSON")
    assert (letter.original_topic, letter.original_partition) == ("bucket-events", 2)
    assert (letter.original_offset, letter.value_bytes, letter.truncated) == (17, 6, False)
    assert letter.buried_at.timestamp() == 1.234
    assert letter.id == "dead-letter/2/17"


@pytest.mark.parametrize("timestamp", [10**18, -(10**18)])
def test_a_letter_that_others_wrote_is_listed_within_bounds(timestamp: int) -> None:
    headers = [
        ("reason", b"x" * 5000),
        ("original-topic", b"x" * 5000),
        ("original-partition", b"9" * 5000),
        ("original-offset", "\u0663".encode()),
    ]
    letter = Letter.of(replace(record(b"x", headers), timestamp=timestamp))
    assert (letter.reason, letter.original_topic) == ("x" * 1000, None)
    assert (letter.original_partition, letter.original_offset) == (None, None)
    assert letter.buried_at.timestamp() == 0


def test_the_whole_letter_tells_everything() -> None:
    letter = WholeLetter.of(letter_of(record(b"\xff", BAD_HEADERS)))
    assert (letter.key, letter.value) == ("key", "base64:/w==")
    assert letter.headers == {"fine": "text", "raw": "base64:/w==", "none": ""}
    assert "PoisonMessage" in letter.traceback
    assert letter.reason == "it is no JSON"


def test_a_replay_sends_what_first_came() -> None:
    original = original_of(letter_of(record(b"\xffpoison", BAD_HEADERS)))
    assert (original.topic, original.key, original.value) == (
        "bucket-events",
        b"key",
        b"\xffpoison",
    )
    assert original.headers == (("fine", b"text"), ("raw", b"\xff"), ("none", b""))


def test_a_header_that_only_looks_encoded_stays_as_it_is() -> None:
    letter = letter_of(record(b"x", [("odd", b"base64:not so")]))
    assert original_of(letter).headers == (("odd", b"base64:not so"),)


def test_work_that_was_given_up_is_replayed_too() -> None:
    letter = lying(DeadLetter.of_work("models", [artifact()], "bucket-events", RuntimeError("x")))
    original = original_of(letter)
    assert (original.topic, original.key, original.headers) == ("bucket-events", None, ())
    assert original.value == letter.value


@pytest.mark.parametrize(
    "cut",
    [record(b"x" * (MAX_VALUE_BYTES + 1)), record(b"x", key=b"k" * (MAX_KEY_BYTES + 1))],
    ids=["value", "key"],
)
def test_what_was_cut_is_refused(cut: RawMessage) -> None:
    letter = letter_of(cut)
    assert Letter.of(letter).truncated
    with pytest.raises(Conflict, match="dead letter 2/17 was cut") as refused:
        original_of(letter)
    assert refused.value.code == "dead_letter_truncated"


def test_a_letter_of_unknown_origin_is_refused_and_can_be_read() -> None:
    foreign = record(None, [("original-offset", b"x"), ("reason", b"\xff")], key=None)
    letter = WholeLetter.of(foreign)
    assert (letter.original_topic, letter.original_offset, letter.key) == (None, None, None)
    assert (letter.reason, letter.value) == ("base64:/w==", "")
    with pytest.raises(Conflict, match="does not say which topic") as refused:
        original_of(foreign)
    assert refused.value.code == "dead_letter_without_topic"
