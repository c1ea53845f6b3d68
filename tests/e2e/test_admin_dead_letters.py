"""What an operator does with dead letters: list them, look into one, replay them."""

import json
from collections.abc import Sequence
from urllib.parse import quote_plus
from uuid import uuid4

from aiokafka import ConsumerRecord

from services.indexer.kafka.topics import ensure_topics
from shared.kafka.dead_letters import MAX_VALUE_BYTES, DeadLetter
from shared.runtime.settings import Settings
from tests.support import topics
from tests.support.admin import admin, told
from tests.support.api import Api
from tests.support.eventually import eventually
from tests.support.system import System
from tests.support.topics import Record
from tests.support.unheard import silent_bucket, write

Place = tuple[str, str]


async def letters_of(settings: Settings, value: bytes, count: int) -> list[Record]:
    """Wait for so many letters with this message; all of them."""

    def mine(records: Sequence[Record]) -> list[Record]:
        return [record for record in records if record.value == value]

    return mine(
        await topics.read_until(
            settings.kafka_bootstrap_servers,
            settings.kafka_dead_letter_topic,
            lambda records: len(mine(records)) >= count,
        )
    )


async def poisoned(settings: Settings, value: bytes) -> Place:
    """Send a message of which nothing can be made; the place of its letter."""
    await topics.produce(
        settings.kafka_bootstrap_servers,
        settings.kafka_bucket_events_topic,
        value,
        key=b"a key",
        headers={"origin": "a test"},
    )
    [letter] = await letters_of(settings, value, 1)
    return str(letter.partition), str(letter.offset)


async def buried(settings: Settings, value: bytes, error: Exception) -> Place:
    """Put a letter into the topic, as the indexer would; its place."""
    topic = settings.kafka_bucket_events_topic
    record: Record = ConsumerRecord(topic, 0, 0, 1234, 0, None, value, None, 0, len(value), ())
    letter = DeadLetter.of_message(record, error)
    partition, offset = await topics.produce(
        settings.kafka_bootstrap_servers,
        settings.kafka_dead_letter_topic,
        letter.value,
        headers=letter.headers,
    )
    return str(partition), str(offset)


async def test_a_poison_message_is_listed_and_shown(
    environment: dict[str, str], settings: Settings, system: System
) -> None:
    poison = f"no JSON: {uuid4()}"
    place = await poisoned(settings, poison.encode())

    listed = await admin(environment, "dead-letters", "list", "--limit", "10000", "--json")
    [line] = [
        each for each in listed.documents if (str(each["partition"]), str(each["offset"])) == place
    ]
    assert line["reason"].startswith("no bucket event: Invalid JSON")
    assert line["original_topic"] == settings.kafka_bucket_events_topic
    assert (line["value_bytes"], line["truncated"]) == (len(poison), False)
    assert line["replayed_at"] is None

    shown = await told(environment, "dead-letters", "show", *place)
    assert (shown["value"], shown["key"]) == (poison, "a key")
    assert shown["headers"] == {"origin": "a test"}
    assert "PoisonMessage" in shown["traceback"]

    text = (await admin(environment, "dead-letters", "list")).out
    assert text.splitlines()[0].split()[:2] == ["PARTITION", "OFFSET"]
    assert "no bucket event: Invalid JSON" in text
    assert f"value:\n{poison}" in (await admin(environment, "dead-letters", "show", *place)).out


async def test_a_list_tells_the_newest_letters_in_their_order(
    environment: dict[str, str], settings: Settings
) -> None:
    # A topic of its own: into the services' one come the letters of other tests' messages.
    own = settings.model_copy(update={"kafka_dead_letter_topic": f"test-{uuid4().hex}"})
    await ensure_topics(own)
    places = [await buried(own, b"poison", ValueError(f"number {n}")) for n in range(3)]
    topic = {"KAFKA_DEAD_LETTER_TOPIC": own.kafka_dead_letter_topic}
    listed = await admin(environment | topic, "dead-letters", "list", "--limit", "2", "--json")
    assert [each["reason"] for each in listed.documents] == ["number 1", "number 2"]
    assert [(str(e["partition"]), str(e["offset"])) for e in listed.documents] == places[1:]


async def test_a_replay_sends_the_message_as_it_was_and_is_remembered(
    environment: dict[str, str], settings: Settings, system: System
) -> None:
    poison = f"no JSON: {uuid4()}".encode()
    place = await poisoned(settings, poison)
    assert (await told(environment, "dead-letters", "replay", *place))["replayed"] == 1

    first, second = await letters_of(settings, poison, 2)
    assert (first.key, second.key) == (b"a key", b"a key")
    assert dict(second.headers)["original-header-origin"] == b"a test"
    shown = await told(environment, "dead-letters", "show", *place)
    assert shown["replayed_at"] is not None

    # All that were not: the second letter, and not the first one a second time.
    report = await told(environment, "dead-letters", "replay", "--all")
    assert report["replayed"] >= 1
    assert report["skipped"] >= 1
    await letters_of(settings, poison, 3)
    marker = f"no JSON: {uuid4()}".encode()
    count = await topics.produce_everywhere(
        settings.kafka_bootstrap_servers, settings.kafka_bucket_events_topic, marker
    )
    await letters_of(settings, marker, count)
    assert len(await letters_of(settings, poison, 3)) == 3


async def test_what_failed_by_a_defect_is_done_by_a_replay(
    api: Api, environment: dict[str, str], system: System, model: str
) -> None:
    bucket, key = await silent_bucket(system), f"{model}/1/model.bin"
    await write(system.settings, bucket, key, b"bytes")
    stored = {"bucket": {"name": bucket}, "object": {"key": quote_plus(key)}}
    event = {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": stored}]}
    place = await buried(system.settings, json.dumps(event).encode(), RuntimeError("a defect"))
    assert (await api.query.get(f"/v1/models/{model}")).status_code == 404

    done = await admin(environment, "dead-letters", "replay", *place)
    assert (done.status, done.err) == (0, "")

    async def look() -> bool | None:
        return True if (await api.query.get(f"/v1/models/{model}")).is_success else None

    await eventually(look)
    assert (await api.version(model, 1, wait=30)).state == "ready"


async def test_a_letter_that_was_cut_is_not_replayed(
    environment: dict[str, str], settings: Settings
) -> None:
    place = await buried(settings, b"x" * (MAX_VALUE_BYTES + 1), ValueError("it is huge"))
    refused = await admin(environment, "dead-letters", "replay", *place)
    assert (refused.status, refused.out) == (4, "")
    assert refused.err == (
        f"registry-admin: error: dead letter {'/'.join(place)} was cut to what Kafka takes; "
        "what is left must not be replayed\n"
    )
    report = await told(environment, "dead-letters", "replay", "--all")
    assert any(f"dead letter {'/'.join(place)} " in line for line in report["refused"]["examples"])
    assert (await told(environment, "dead-letters", "show", *place))["replayed_at"] is None


async def test_a_letter_that_is_not_there(environment: dict[str, str]) -> None:
    for place in (("0", "987654321"), ("99", "0")):
        missing = await admin(environment, "dead-letters", "show", *place)
        assert (missing.status, missing.out) == (3, "")
        assert missing.err.startswith(f"registry-admin: error: no dead letter {'/'.join(place)} ")
