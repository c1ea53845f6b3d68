"""Records of the topic as events of a stream: whatever a record has, none stops the stream."""

import json
from typing import Any

import pytest

from services.query.stream.wire import StreamEvent, read_event

SOURCE = "/model-registry"
EVENT: dict[str, Any] = {
    "source": SOURCE,
    "id": "e-1",
    "type": "registry.version.ready.v1",
    "data": {"model": "churn", "label": "x"},
}


def lines_of(event: StreamEvent | None) -> tuple[str, dict[str, Any]]:
    """The type and the data of an event as a reader gets them."""
    assert event is not None
    kind, data, *end = event.lines.decode().split("\n")
    assert end == ["", ""]
    return kind.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@pytest.mark.parametrize("label", ["x", "\u2028 \x85", "\ud800", "caf\u00e9"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_event_is_one_line_whatever_its_record_has(label: str, indent: int | None) -> None:
    event = {**EVENT, "data": {"model": "churn", "label": label}}
    read = read_event(json.dumps(event, indent=indent).encode(), SOURCE)
    assert lines_of(read) == ("registry.version.ready.v1", event)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
def test_what_is_not_utf_8_is_no_event(encoding: str) -> None:
    assert read_event(json.dumps(EVENT).encode(encoding), SOURCE) is None
