"""The sequence numbers of a topic's events: gaps, repeats and disorder are told apart."""

from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import ModelEvent, WebhookChange, WebhookEvent
from services.admin.rebuild.edits import edits_of
from services.admin.rebuild.event_log import EventLog
from services.admin.rebuild.event_source import read_events
from services.admin.rebuild.report import MAX_EXAMPLES, Findings, RebuildReport
from shared.database.edits import Place
from shared.domain.edits import EditRecord
from shared.domain.events import DEFAULT_SOURCE, edit_event, namespace_event, version_event
from shared.domain.records import utc_now
from shared.domain.rules import RulesRecord
from shared.kafka.topic_reader import RawMessage
from tests.support.records import version
from tests.unit.shared.kafka.test_dead_letters import record


def event(sequence: int, *, model: str = "churn", number: int = 1) -> ModelEvent:
    """An event of a version of the model."""
    told = version(id=f"{model}-{number}", model=model, number=number, sequence=sequence)
    return version_event("registry.version.created.v1", told)


def log_of(*events: ModelEvent) -> EventLog:
    log = EventLog()
    for each in events:
        log.add(each)
    return log


def test_events_in_order_are_neither_gap_nor_disorder() -> None:
    log = log_of(event(1), event(1, model="other"), event(2, number=2), event(3))
    assert (log.gaps().count, log.disorder.count, log.repeated) == (0, 0, 0)
    assert {name: (each.sequence, each.number) for name, each in log.models.items()} == {
        "churn": (3, 2),
        "other": (1, 1),
    }
    assert log.newest == {"churn-1": 3, "churn-2": 2, "other-1": 1}


def test_repeats_are_dropped() -> None:
    log = log_of(event(1), event(2), event(1), event(2), event(3), event(2))
    assert (log.gaps().count, log.disorder.count, log.repeated) == (0, 0, 3)
    assert log.newest == {"churn-1": 3}


def test_numbers_that_no_event_has_are_gaps() -> None:
    log = log_of(event(2), event(6), event(8))
    assert log.gaps().examples == [
        "churn: no event 1",
        "churn: no event 3 to 5",
        "churn: no event 7",
    ]


def test_an_event_that_comes_late_is_disorder_and_counts() -> None:
    log = log_of(event(1), event(5), event(3, number=2))
    assert log.disorder.examples == ["churn: event 3 came after event 5"]
    assert log.gaps().examples == ["churn: no event 2", "churn: no event 4"]
    assert log.newest == {"churn-1": 5, "churn-2": 3}


def test_a_number_that_was_given_twice_is_disorder() -> None:
    log = log_of(event(1), event(2), event(1, number=2))
    assert log.disorder.examples == ["churn: event 1 has a number that was taken"]


@given(st.lists(st.integers(1, 12), unique=True, min_size=1))
def test_gaps_are_what_is_missing_below_the_highest(numbers: list[int]) -> None:
    log = log_of(*(event(number) for number in numbers))
    missing = {number for gap in log.models["churn"].missing for number in gap}
    assert missing == set(range(1, max(numbers))) - set(numbers)
    late = sum(number < max(numbers[:place]) for place, number in enumerate(numbers) if place)
    assert log.disorder.count == late


def test_in_the_second_reading_each_version_is_taken_once_by_its_newest_event() -> None:
    topic = [event(1), event(2, number=2), event(3), event(3), event(2, number=2)]
    log = log_of(*topic)
    assert [log.take(each) for each in topic] == [False, True, True, False, False]


def edit(sequence: int, number: int | None) -> ModelEvent:
    """An event of an edit: of version 1, or of the model."""
    record = EditRecord(
        model="churn",
        number=number,
        version_id="churn-1" if number else None,
        revision=sequence,
        at=utc_now(),
        by="somebody",
        before={"description": ""},
        after={"description": str(sequence)},
        sequence=sequence,
    )
    return edit_event(record, version(id="churn-1", sequence=sequence))


def test_edits_count_in_the_sequence_and_tell_no_state() -> None:
    topic = [event(1), edit(2, 1), event(3), edit(4, None), edit(5, 1), edit(5, 1)]
    log = log_of(*topic)
    assert (log.gaps().count, log.disorder.count, log.repeated) == (0, 0, 1)
    assert log.models["churn"].sequence == 5
    assert (log.newest, log.edits) == ({"churn-1": 3}, {"churn-1": 5})
    assert log.edited == {Place("churn", 1), Place("churn")}
    assert [log.take(each) for each in topic] == [False, False, True, False, False, False]


def test_the_edits_of_events_are_those_that_were_told() -> None:
    events = [event(1), edit(2, 1), edit(3, None)]
    assert [
        (each.number, each.version_id, each.revision, each.sequence, each.after)
        for each in edits_of(events)
    ] == [
        (1, "churn-1", 2, 2, {"description": "2"}),
        (None, None, 3, 3, {"description": "3"}),
    ]


def test_a_message_that_is_no_event_is_told_and_passed_over() -> None:
    report = RebuildReport(started_at=utc_now())
    messages: list[RawMessage] = [record(b"no event"), record(None)]
    messages.append(record(event(1).model_dump_json().encode()))
    assert [each.sequence for each in read_events(messages, report, DEFAULT_SOURCE).models] == [1]
    assert report.errors.examples == ["message 2/17 is no model event"] * 2


def test_a_report_counts_all_and_names_the_first() -> None:
    findings = Findings()
    for number in range(MAX_EXAMPLES + 5):
        findings.add(str(number))
    assert (findings.count, len(findings.examples)) == (MAX_EXAMPLES + 5, MAX_EXAMPLES)


def test_events_of_another_registry_are_counted_and_left_alone() -> None:
    report = RebuildReport(started_at=utc_now())
    told = version(id="churn-7", number=7, sequence=7)
    foreign = version_event("registry.version.ready.v1", told, "/other")
    messages = [record(each.model_dump_json().encode()) for each in (event(1), foreign, event(2))]
    ours = read_events(messages, report, DEFAULT_SOURCE).models
    assert [each.sequence for each in ours] == [1, 2]
    assert report.foreign.examples == ["/other tells of churn/7"]
    assert read_events(messages, None, "/other").models == [foreign]


def test_rules_of_a_namespace_have_a_sequence_of_their_own_and_are_no_model() -> None:
    log = EventLog()
    for revision in (1, 4, 4, 3):
        rules = RulesRecord(
            scope="risk.*", revision=revision, at=utc_now(), by="x", rules=None, sequence=revision
        )
        body = namespace_event(rules).model_dump_json().encode()
        raw = [record(value=body)]
        report = RebuildReport(started_at=utc_now())
        told = read_events(raw, report, DEFAULT_SOURCE)
        assert told.models == []
        assert report.errors.count == 0
        [event] = told.namespaces
        others = read_events(raw, report, "/other")
        assert others.namespaces == []
        assert others.models == []
        assert report.foreign.examples == [f"{DEFAULT_SOURCE} tells of risk.*"]
        log.add_namespace(event)
    assert log.models == {}
    assert log.gaps().examples == ["risk.*: no event 2"]
    assert log.disorder.examples == ["risk.*: event 3 came after event 4"]
    assert log.repeated == 1


def test_a_webhook_is_no_state_of_a_model_and_no_defect_of_the_topic() -> None:
    told = WebhookEvent(
        id="w-1",
        source=DEFAULT_SOURCE,
        subject="webhook:w",
        time=utc_now(),
        sequence=1,
        data=WebhookChange(webhook="w", owner="token:1", state="disabled", reason="failing"),
    )
    report = RebuildReport(started_at=utc_now())
    body = told.model_dump_json().encode()
    found = read_events([record(value=body)], report, DEFAULT_SOURCE)
    assert (found.models, found.namespaces) == ([], [])
    assert report.errors.count == 0
