"""Rights in Kafka follow the settings: the principals, and the topics that they are for."""

from services.admin.provision.kafka_rights import kafka_rights
from shared.runtime.service_users import ProvisioningSettings
from tests.support.isolation import SETTINGS


def rights(**changes: str) -> set[str]:
    settings = ProvisioningSettings.model_validate({**SETTINGS.model_dump(), **changes})
    return set(map(str, kafka_rights(settings)))


def test_without_principals_there_are_none() -> None:
    assert rights() == set()


def test_storage_writes_bucket_events_and_nothing_else() -> None:
    assert rights(kafka_storage_principal="User:minio") == {
        "User:minio: Write on topic bucket-events",
        "User:minio: Describe on topic bucket-events",
    }


def test_subscribers_read_model_events_and_nothing_else() -> None:
    assert rights(kafka_subscriber_principals="User:a, User:b") == {
        f"User:{name}: {operation} on topic model-events"
        for name in "ab"
        for operation in ("Read", "Describe")
    }


def test_query_reads_model_events_and_dead_letters_and_is_of_no_group() -> None:
    assert rights(kafka_query_principal="User:q", kafka_subscriber_principals="User:q") == {
        f"User:q: {operation} on topic {topic}"
        for topic in ("model-events", "bucket-events.dead-letter")
        for operation in ("Read", "Describe")
    }


def test_the_notifier_reads_model_events_and_writes_dead_letters_alone() -> None:
    assert rights(kafka_notifier_principal="User:n") == {
        "User:n: Read on topic model-events",
        "User:n: Describe on topic model-events",
        "User:n: Read on group notifier",
        "User:n: Write on topic bucket-events.dead-letter",
        "User:n: Describe on topic bucket-events.dead-letter",
    }


def test_the_indexer_reads_what_storage_tells_and_writes_what_it_tells_itself() -> None:
    found = rights(kafka_indexer_principal="User:i", kafka_model_events_topic="told")
    assert {each for each in found if ": Read " in each} == {
        "User:i: Read on topic bucket-events",
        "User:i: Read on group indexer",
    }
    assert {each for each in found if ": Write " in each} == {
        "User:i: Write on topic told",
        "User:i: Write on topic bucket-events.dead-letter",
    }
