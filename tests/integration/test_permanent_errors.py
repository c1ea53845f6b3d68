"""What MongoDB refuses for good becomes a dead letter; what an operator has to allow is awaited."""

import json
from collections.abc import AsyncIterator

import pytest
from aiokafka import ConsumerRecord
from pydantic import SecretStr

from registry.schemas import UploadSession
from services.indexer.events.handler import handle_batch
from shared.database.client import open_database
from shared.kafka.dead_letters import DeadLetter
from shared.kafka.topic_reader import RawMessage
from shared.runtime.service_users import with_user
from shared.web.readiness import absent_servers
from tests.integration.rig import Rig, opened_rig
from tests.support.servers import Addresses
from tests.support.wire_faults import NOT_WRITABLE_PRIMARY, TOO_LARGE, UNAUTHORIZED, Fault
from tests.support.wire_messages import Command
from tests.support.wire_proxy import WireProxy


@pytest.fixture
async def rig(addresses: Addresses, proxy: WireProxy) -> AsyncIterator[Rig]:
    async with opened_rig(addresses, mongodb_url=SecretStr(proxy.url)) as opened:
        yield opened


def message(session: UploadSession, rig: Rig) -> RawMessage:
    """What storage says of the first file of an upload."""
    key = f"{session.model}/{session.number}/{session.files[0].path}"
    stored = {"bucket": {"name": rig.bucket}, "object": {"key": key}}
    body = {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": stored}]}
    return ConsumerRecord("events", 0, 0, 0, 0, None, json.dumps(body).encode(), None, 0, 0, ())


class Letters:
    def __init__(self) -> None:
        self.kept: list[DeadLetter] = []

    async def bury(self, letter: DeadLetter) -> None:
        self.kept.append(letter)


def settles(command: Command) -> bool:
    return command.is_write and command.collection == "versions"


async def test_a_document_that_is_too_large_is_buried_and_the_others_go_on(
    rig: Rig, proxy: WireProxy
) -> None:
    good = await rig.upload("good", ("a.bin", b"bytes"))
    bad = await rig.upload("bad", ("a.bin", b"bytes"))

    def settles_the_bad_one(command: Command) -> bool:
        return settles(command) and any(
            update["q"]["_id"] == bad.version_id for update in command.documents
        )

    proxy.inject(TOO_LARGE, settles_the_bad_one, times=1_000_000)
    letters = Letters()
    batch = [message(bad, rig), message(good, rig)]
    await handle_batch(batch, context=rig.indexer, bury=letters.bury)
    assert (await rig.version("good")).state == "ready"
    assert (await rig.version("bad")).state == "pending"
    [letter] = letters.kept
    assert "BSONObjectTooLarge" in letter.headers["reason"]


@pytest.mark.parametrize("fault", [UNAUTHORIZED, NOT_WRITABLE_PRIMARY])
async def test_a_right_that_is_missing_for_now_is_waited_for_as_a_server_is(
    rig: Rig, proxy: WireProxy, fault: Fault
) -> None:
    session = await rig.upload("churn", ("a.bin", b"bytes"))
    script = proxy.inject(fault, settles)
    letters = Letters()
    await handle_batch([message(session, rig)], context=rig.indexer, bury=letters.bury)
    assert script.left == 0
    assert letters.kept == []
    assert (await rig.version("churn")).state == "ready"


async def test_readiness_says_that_credentials_are_refused(rig: Rig) -> None:
    settings = rig.indexer.settings
    assert await absent_servers(rig.indexer.database, None, rig.bucket) == []
    proxied = settings.mongodb_url.get_secret_value()
    wrong = SecretStr(with_user(proxied, "nobody", "wrong"))
    async with open_database(settings.model_copy(update={"mongodb_url": wrong})) as database:
        [absent] = await absent_servers(database, None, rig.bucket)
    assert absent.startswith("MongoDB (")
    assert "uthentication" in absent
