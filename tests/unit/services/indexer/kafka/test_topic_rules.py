"""Which topics lose what Kafka confirmed, and what the operator is told."""

import pytest

from services.indexer.kafka.topic_rules import KEPT, TopicFacts, explain, flaws_of
from shared.runtime.settings import Settings
from tests.support.isolation import SETTINGS


def topic(copies: int = 3, **changed: str) -> TopicFacts:
    """A topic as the registry makes it, but for some settings."""
    named = {name.replace("_", "."): value for name, value in changed.items()}
    return TopicFacts("model-events", 6, copies, {**KEPT, "min.insync.replicas": "2", **named})


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (topic(), []),
        (topic(retention_ms="604800000"), ["forgets after 604800000 ms"]),
        (topic(retention_bytes="1000"), ["forgets after 1000 bytes a partition"]),
        (topic(cleanup_policy="compact"), ["keeps only the newest event of a model"]),
        (topic(cleanup_policy="compact,delete"), ["keeps only the newest event of a model"]),
        (topic(min_insync_replicas="1"), ["confirms with 1 of 2 copies"]),
        (topic(min_insync_replicas="3"), []),
        (
            topic(2),
            ["has 2 of 3 copies (kafka-reassign-partitions.sh makes more)"],
        ),
        (
            TopicFacts(
                "model-events",
                6,
                3,
                {"unclean.leader.election.enable": "true", "min.insync.replicas": "2"},
            ),
            ["lets a copy count that lacks what was confirmed"],
        ),
    ],
)
def test_what_may_lose_events_is_told(found: TopicFacts, told: list[str]) -> None:
    assert [flaw.told for flaw in flaws_of(found, copies=3, min_insync=2)] == told


def test_the_command_that_mends_it_is_told() -> None:
    made_by_a_broker = topic(retention_ms="604800000", min_insync_replicas="1")
    flaws = flaws_of(made_by_a_broker, copies=3, min_insync=2)
    assert explain(made_by_a_broker, flaws, "kafka:9092") == (
        "model-events forgets after 604800000 ms, confirms with 1 of 2 copies:"
        " kafka-configs.sh --bootstrap-server kafka:9092 --alter --entity-type topics"
        " --entity-name model-events --add-config retention.ms=-1,min.insync.replicas=2"
    )


@pytest.mark.parametrize(
    ("copies", "set_to", "asked"), [(1, 0, 1), (2, 0, 1), (3, 0, 2), (3, 1, 1)]
)
def test_how_many_copies_confirm(copies: int, set_to: int, asked: int) -> None:
    changed = {"kafka_replication_factor": copies, "kafka_min_insync_replicas": set_to}
    settings = Settings.model_validate({**SETTINGS.model_dump(), **changed})
    assert settings.min_insync_replicas == asked


def test_more_confirmations_than_copies_are_refused() -> None:
    with pytest.raises(ValueError, match="KAFKA_REPLICATION_FACTOR"):
        Settings.model_validate({**SETTINGS.model_dump(), "kafka_min_insync_replicas": 2})
