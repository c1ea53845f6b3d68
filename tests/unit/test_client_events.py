"""Following events over HTTP: over broken connections, and where a subscription takes to it."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest

import registry
from registry import _event_calls, _topic
from registry._event_stream import MAX_EVENT_BYTES
from tests.support.access import ADMIN_TOKEN

URL = "http://registry.test"
DISCOVERY = {
    "ingest_url": URL,
    "query_url": URL,
    "events": {"bootstrap_servers": "kafka.test:9092", "topic": "t", "source": "/ours"},
}
PATIENT = registry.RetryPolicy(attempts=3, base_seconds=0)

Part = bytes | Exception


def event(sequence: int, model: str = "churn") -> bytes:
    data = {"model": model, "number": 1, "version_id": "v", "state": "ready", "storage_group": "m"}
    told: dict[str, Any] = {"id": f"{model}-{sequence}", "source": "/ours", "subject": model}
    told |= {"type": "registry.version.ready.v1", "time": "2026-01-01T00:00:00Z"}
    return json.dumps({**told, "sequence": sequence, "data": data}).encode()


def lines(sequence: int, model: str = "churn") -> bytes:
    return b"id: at-%d\nevent: registry.version.ready.v1\ndata: %s\n\n" % (
        sequence,
        event(sequence, model),
    )


def end(reason: str) -> bytes:
    return b'id: at-end\nevent: end\ndata: {"reason":"%s"}\n\n' % reason.encode()


BEGIN = b"retry: 10\n: model events\nid: at-0\n\n"


class Query:
    """Answers one connection after the other as it is told, and keeps what was asked."""

    def __init__(self, *answers: Sequence[Part] | httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1":
            return httpx.Response(200, json=DISCOVERY)
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.Response):
            return answer
        return httpx.Response(
            200, headers={"content-type": "text/event-stream"}, content=_parts(answer)
        )

    @property
    def resumed_at(self) -> list[str | None]:
        return [each.headers.get("last-event-id") for each in self.asked]


async def _parts(parts: Sequence[Part]) -> AsyncIterator[bytes]:
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


def problem(status: int, code: str, **members: object) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "detail": "no", **members})


def following(query: Query, **options: Any) -> AsyncIterator[registry.ModelEvent]:
    client = registry.AsyncModelRegistryClient(
        URL, token=ADMIN_TOKEN, transport=httpx.MockTransport(query), retry=PATIENT
    )
    return client.follow_events(**options)


async def all_of(events: AsyncIterator[registry.ModelEvent]) -> list[registry.ModelEvent]:
    return [each async for each in events]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(*_: object, **__: object) -> registry.RetryPolicy:
        return PATIENT

    monkeypatch.setattr(_event_calls, "RetryPolicy", at_once)


async def test_it_goes_on_behind_the_last_event_over_broken_and_ended_connections() -> None:
    query = Query(
        [BEGIN, lines(1), lines(2)[:30], httpx.ReadError("broken")],
        [BEGIN.replace(b"at-0", b"at-1"), lines(2), end("behind")],
        problem(503, "streams_unavailable"),
        [BEGIN.replace(b"at-0", b"at-2"), lines(2), b": heartbeat\nid: at-7\n\n"],
        [BEGIN.replace(b"at-0", b"at-7"), lines(8)[:5], lines(8)[5:], end("complete")],
    )
    got = await all_of(following(query, models=["churn"], start="beginning"))
    assert [each.sequence for each in got] == [1, 2, 8]
    assert query.resumed_at == [None, "at-1", "at-end", "at-end", "at-7"]
    assert dict(query.asked[0].url.params) == {"model": "churn", "from": "beginning"}
    assert query.asked[0].headers["authorization"] == f"Bearer {ADMIN_TOKEN}"


async def test_each_event_tells_the_place_to_go_on_from() -> None:
    query = Query([BEGIN, lines(5), end("complete")])
    places = [each.place async for each in following(query, last_event_id="at-4")]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]
    assert (places, query.resumed_at) == (["at-5"], ["at-4"])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(410, "events_gone", oldest_event_id="at-9"), registry.EventsGoneError),
        (problem(401, "unauthenticated"), registry.AccessDeniedError),
        (problem(422, "invalid_request"), registry.InvalidRequestError),
        (httpx.Response(200, json={}), registry.ProtocolError),
        ([lines(1)], registry.ProtocolError),
        ([BEGIN, b"data: no event\n\n"], registry.ProtocolError),
        ([BEGIN, b"data: " + b"x" * (MAX_EVENT_BYTES + 1)], registry.ProtocolError),
        ([BEGIN, *[b"data: " + b"x" * 9999 + b"\n"] * 500], registry.ProtocolError),
    ],
)
async def test_what_nobody_can_follow_raises_its_error(
    answer: Any, error: type[registry.RegistryError]
) -> None:
    with pytest.raises(error) as raised:
        await all_of(following(Query(answer)))
    if isinstance(raised.value, registry.EventsGoneError):
        assert raised.value.oldest_event_id == "at-9"


async def test_a_token_that_is_revoked_meanwhile_ends_it() -> None:
    query = Query([BEGIN, lines(1), end("access")], problem(401, "unauthenticated"))
    events = following(query)
    assert (await anext(events)).sequence == 1
    with pytest.raises(registry.AccessDeniedError):
        await anext(events)


async def test_a_service_that_is_away_at_the_beginning_is_given_up_on() -> None:
    with pytest.raises(registry.UnavailableError, match="503"):
        await all_of(following(Query(*[problem(503, "streams_unavailable")] * 3)))


def subscribing(query: Query, **options: Any) -> registry.Subscription:
    return registry.subscribe(
        URL, token=ADMIN_TOKEN, retry=PATIENT, transport=httpx.MockTransport(query), **options
    )


def without_aiokafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiokafka", None)


def without_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> object:
        raise _topic.TopicError("Kafka: KafkaConnectionError")

    monkeypatch.setattr(_topic, "_consumer", away)


@pytest.mark.parametrize("without", [without_aiokafka, without_kafka])
async def test_a_subscription_takes_to_http_where_kafka_is_out_of_reach(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    without: Callable[[pytest.MonkeyPatch], None],
) -> None:
    without(monkeypatch)
    query = Query([BEGIN, lines(1), lines(2), lines(2), lines(3), end("complete")])
    events = subscribing(query, model="churn", start=1, follow=False)
    assert [each.sequence async for each in events] == [2, 3]
    assert caplog.messages[0].startswith("events come over HTTP, since Kafka is not read: ")
    # All before is asked for, since a stream counts otherwise; what was seen is dropped.
    wanted = {"model": "churn", "from": "beginning", "follow": "false"}
    assert dict(query.asked[0].url.params) == wanted


async def test_a_subscription_over_http_goes_on_where_an_earlier_loop_was_left() -> None:
    query = Query([BEGIN, lines(1), lines(2)], [BEGIN, lines(2), end("complete")])
    async with subscribing(query, via="http") as events:
        async for each in events:
            assert each.sequence == 1
            break
        assert [each.sequence async for each in events] == [2]
    assert query.resumed_at == [None, "at-1"]


async def test_a_loop_that_was_left_and_is_closed_late_does_not_cut_the_next_one() -> None:
    query = Query([BEGIN, lines(1)], [BEGIN, lines(2), lines(3), end("complete")])
    events = subscribing(query, via="http")
    left = events.__aiter__()
    assert (await anext(left)).sequence == 1
    later = events.__aiter__()
    assert (await anext(later)).sequence == 2
    await left.aclose()  # Python does it when it likes
    assert (await anext(later)).sequence == 3
    await later.aclose()
    assert len(query.asked) == 2


async def test_kafka_alone_is_asked_where_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    without_kafka(monkeypatch)
    query = Query()
    with pytest.raises(registry.UnavailableError, match="KafkaConnectionError"):
        await subscribing(query, via="kafka").__aenter__()
    assert query.asked == []
