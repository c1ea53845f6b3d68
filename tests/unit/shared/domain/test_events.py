"""Model events fit into a Kafka message, whatever the version holds."""

from shared.domain.events import MAX_EVENT_BYTES, version_event
from shared.domain.records import ArtifactRecord, VersionRecord, utc_now


def version_of(files: int, path_characters: int) -> VersionRecord:
    artifacts = [
        ArtifactRecord(
            path=f"{number:04}".ljust(path_characters, "ü"),
            key=f"m/1/{number:04}".ljust(path_characters, "ü"),
            size_bytes=1,
            kind="put",
        )
        for number in range(files)
    ]
    return VersionRecord(
        id="id",
        model="m",
        number=1,
        source="upload",
        storage_group="models",
        artifacts=artifacts,
        size_bytes=files,
        created_at=utc_now(),
        sequence=7,
    )


def test_an_event_names_its_version_and_carries_the_artifacts() -> None:
    event = version_event("registry.version.ready.v1", version_of(300, 20))
    assert (event.id, event.subject, event.sequence) == ("id-7", "m/1", 7)
    assert len(event.data.artifacts) == 300


def test_artifacts_that_would_make_it_too_large_are_left_out() -> None:
    event = version_event("registry.version.ready.v1", version_of(1000, 350))
    assert event.data.artifacts == []
    assert len(event.model_dump_json().encode()) < MAX_EVENT_BYTES
