"""What subscribers are told: every state change, in order, as CloudEvents."""

from datetime import UTC, datetime
from uuid import uuid4

from registry.schemas import ModelEvent
from shared.runtime.settings import Settings
from tests.support import topics
from tests.support.api import Api, file_of
from tests.support.topics import Record


async def events(settings: Settings, model: str, last_type: str) -> list[tuple[Record, ModelEvent]]:
    return await topics.model_events(
        settings.kafka_bootstrap_servers, settings.kafka_model_events_topic, model, last_type
    )


async def test_a_version_is_announced_when_created_and_when_ready(
    api: Api, settings: Settings, model: str
) -> None:
    begun = datetime.now(UTC).replace(microsecond=0)
    session = await api.open(model, file_of("model.bin", b"bytes"), version="1.0")
    await api.put(session.files[0], b"bytes")
    await api.ready(session)

    (_, created), (record, ready) = await events(settings, model, "ready")

    assert [created.type, ready.type] == [
        "registry.version.created.v1",
        "registry.version.ready.v1",
    ]
    assert [created.sequence, ready.sequence] == [1, 2]
    assert (created.data.state, ready.data.state) == ("pending", "ready")
    assert created.id != ready.id
    assert ready.specversion == "1.0"
    assert ready.source == "/model-registry"
    assert ready.subject == f"{model}/1"
    assert ready.datacontenttype == "application/json"
    assert begun <= created.time <= ready.time
    assert (ready.data.model, ready.data.number, ready.data.label) == (model, 1, "1.0")
    assert (ready.data.version_id, ready.data.source) == (session.version_id, "upload")
    assert session.upload_id not in ready.model_dump_json(), "it is told to its owner alone"
    assert ready.data.artifacts == (await api.version(model, 1)).artifacts
    assert dict(record.headers)["content-type"] == b"application/cloudevents+json; charset=utf-8"


async def test_a_rejection_is_announced_with_its_reasons(
    api: Api, settings: Settings, model: str
) -> None:
    session = await api.open(model, file_of("model.safetensors", b"not safetensors"))
    await api.put(session.files[0], b"not safetensors")
    *_, (_, rejected) = await events(settings, model, "rejected")
    assert (rejected.sequence, rejected.data.state) == (2, "rejected")
    assert rejected.data.reasons == (await api.version(model, 1)).reasons
    assert rejected.data.reasons[0].path == "model.safetensors"


async def test_sequence_numbers_of_a_model_have_no_gap_over_its_versions(
    api: Api, settings: Settings, model: str
) -> None:
    sessions = [await api.open(model, file_of("model.bin", b"bytes")) for _ in range(4)]
    last = sessions.pop()
    for session in sessions:
        await api.put(session.files[0], b"bytes")
        await api.ready(session)
    await api.ingest.delete(f"/v1/uploads/{last.upload_id}")
    found = [event for _, event in await events(settings, model, "rejected")]
    assert [event.sequence for event in found] == list(range(1, 9))
    assert [event.type.split(".")[2] for event in found] == (
        ["created"] * 4 + ["ready"] * 3 + ["rejected"]
    )


async def test_poison_lands_in_the_dead_letters_and_does_not_stop_the_line(
    api: Api, settings: Settings, model: str
) -> None:
    poison = f"no JSON: {uuid4()}".encode()
    headers = [("origin", b"a test"), ("raw", b"\xff\xfe")]
    count = await topics.produce_everywhere(
        settings.kafka_bootstrap_servers, settings.kafka_bucket_events_topic, poison, headers
    )

    # Every partition has one now, so whatever event comes next comes behind it.
    session = await api.open(model, file_of("model.bin", b"bytes"))
    await api.put(session.files[0], b"bytes")
    await api.ready(session)

    def mine(records: list[Record]) -> list[Record]:
        return [record for record in records if record.value == poison]

    letters = mine(
        await topics.read_until(
            settings.kafka_bootstrap_servers,
            settings.kafka_dead_letter_topic,
            lambda records: len(mine(list(records))) >= count,
        )
    )
    found = {name: value.decode() for name, value in letters[0].headers}
    assert found["reason"].startswith("no bucket event: Invalid JSON")
    assert found["original-topic"] == settings.kafka_bucket_events_topic
    assert found["original-offset"].isdecimal()
    assert "PoisonMessage" in found["traceback"]
    assert found["original-header-origin"] == "a test"
    assert found["original-header-raw"] == "base64://4="
    partitions = {dict(letter.headers)["original-partition"] for letter in letters}
    assert len(partitions) == count
