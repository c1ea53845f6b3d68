"""Bucket events as stores send them, and what is no bucket event."""

import contextlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.events.bucket_events import ObjectWritten, PoisonMessage, parse_bucket_event


def record(name: str = "churn/1/model.pkl", **changes: Any) -> dict[str, Any]:
    """One S3 record, as AWS and others send it; `changes` go to its object."""
    stored = {"key": quote_plus(name, safe="/"), "size": 5, "eTag": "e", **changes}
    return {
        "eventVersion": "2.0",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "models", "arn": "arn:aws:s3:::models"}, "object": stored},
    }


def message(*records: Any, **envelope: Any) -> bytes:
    return json.dumps({**envelope, "Records": records}).encode()


def test_minios_envelope_tells_of_the_object_in_its_record() -> None:
    written = record(versionId="v1", sequencer="18B0", userMetadata={"content-type": "x"})
    written["eventName"] = "s3:ObjectCreated:CompleteMultipartUpload"
    value = message(
        written,
        EventName="s3:ObjectCreated:CompleteMultipartUpload",
        Key="models/churn/1/model.pkl",
    )
    told = ObjectWritten("models", "churn/1/model.pkl", "v1", "18B0", size_bytes=5)
    assert parse_bucket_event(value) == [told]


def test_plain_records_of_other_stores_are_read_each() -> None:
    value = message(record("a/1/x"), record("b/2/y"))
    assert [found.key for found in parse_bucket_event(value)] == ["a/1/x", "b/2/y"]


@pytest.mark.parametrize(
    "key", ["a b/1/c+d.bin", "100%/1/%41.bin", "模型/1/ünï😀", "a@b/1/x=y&z?#"]
)
def test_keys_are_form_encoded(key: str) -> None:
    [found] = parse_bucket_event(message(record(key)))
    assert found.key == key


@given(st.text(min_size=1).filter(lambda key: key.isprintable()))
def test_any_key_comes_back_from_its_encoding(key: str) -> None:
    [found] = parse_bucket_event(message(record(key)))
    assert found.key == key


def test_an_absent_version_or_sequencer_is_none_of_them() -> None:
    [found] = parse_bucket_event(message(record(versionId="")))
    assert (found.object_version, found.sequencer) == (None, "")


@pytest.mark.parametrize(
    ("event", "count"),
    [
        ("s3:ObjectCreated:Put", 1),
        ("ObjectCreated:Copy", 1),
        ("s3:ObjectRemoved:Delete", 0),
        ("s3:ObjectAccessed:Get", 0),
    ],
)
def test_only_written_objects_are_told_of(event: str, count: int) -> None:
    assert len(parse_bucket_event(message(record() | {"eventName": event}))) == count


def test_the_test_event_of_a_new_notification_is_nothing() -> None:
    value = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "models"})
    assert parse_bucket_event(value.encode()) == []


@pytest.mark.parametrize(
    ("earlier", "later"), [("1", "2"), ("9", "10"), ("18B0", "18B1"), ("", "0"), ("FF", "100")]
)
def test_events_of_one_key_are_ordered_by_length_then_text(earlier: str, later: str) -> None:
    before, after = (ObjectWritten("b", "k", None, found) for found in (earlier, later))
    assert before.order < after.order


def _without(field: str) -> bytes:
    broken = record()
    del broken["s3"][field]
    return message(broken)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "the message is empty"),
        (b"", "the message is empty"),
        (b"\xff\xfe", "no bucket event: Invalid JSON"),
        (b"{", "no bucket event: Invalid JSON"),
        (b"[]", "no bucket event: Input should be an object"),
        (b"{}", "no bucket event: Records: Field required"),
        (b'{"Records": 5}', "no bucket event: Records: Input should be a valid"),
        (b'{"Event": "s3:Other"}', "no bucket event: Records: Field required"),
        (message({}), "no bucket event: Records.0.eventName: Field required"),
        (_without("bucket"), "no bucket event: Records.0.s3.bucket: Field required"),
        (_without("object"), "no bucket event: Records.0.s3.object: Field required"),
        (message(record(key="")), "no bucket event: Records.0.s3.object.key: String should"),
        (message(record(key=5)), "no bucket event: Records.0.s3.object.key: Input should"),
        (message(record(key="%FF")), "no bucket event: Records.0.s3.object.key"),
    ],
)
def test_poison_says_what_is_wrong_with_it(value: bytes | None, reason: str) -> None:
    with pytest.raises(PoisonMessage) as caught:
        parse_bucket_event(value)
    assert str(caught.value).startswith(reason)


def _parses_or_is_poison(value: bytes) -> None:
    with contextlib.suppress(PoisonMessage):
        parse_bucket_event(value)


@given(st.binary(max_size=2000))
def test_no_bytes_do_more_harm_than_to_be_poison(value: bytes) -> None:
    _parses_or_is_poison(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.data())
def test_no_json_in_place_of_a_field_does_either(data: st.DataObject) -> None:
    broken = record()
    place = data.draw(st.sampled_from([broken, broken["s3"], broken["s3"]["object"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)
    _parses_or_is_poison(message(broken))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2026-11-29T10:23:40.123Z", datetime(2026, 11, 29, 10, 23, 40, 123000, tzinfo=UTC)),
        ("2026-11-29T10:23:40", datetime(2026, 11, 29, 10, 23, 40, tzinfo=UTC)),
        ("yesterday", None),
        (5, None),
        (None, None),
    ],
)
def test_when_storage_wrote_it_is_measured_and_never_demanded(
    told: object, expected: datetime | None
) -> None:
    [found] = parse_bucket_event(message({**record(), "eventTime": told}))
    assert found.at == expected
