"""The checker: after a run, what is not as the guarantees say."""

import asyncio
import time
from collections.abc import Iterable

from aiokafka.errors import KafkaError

from shared.database.found_folders import list_folders
from shared.domain.errors import RegistryError
from shared.domain.records import VersionRecord
from tests.faults.harness import kafka_groups
from tests.faults.harness.event_checks import event_violations
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.object_checks import object_violations
from tests.faults.harness.record_checks import record_violations
from tests.faults.harness.view import View
from tests.support.eventually import PAUSE_SECONDS

AWAY = (RegistryError, KafkaError, OSError)


async def violations(view: View, ledger: Ledger, *, rest_seconds: float = 90) -> list[str]:
    """Wait until nothing is left to do, then return every violation; none is a proof.

    What is still under way after `rest_seconds` is a violation itself.
    """
    found = await unrest(view, ledger, rest_seconds)
    versions = await view.versions()
    events = await kafka_groups.read_all(view.settings, view.settings.kafka_model_events_topic)
    found += record_violations(versions, ledger)
    found += event_violations(versions, events)
    found += await object_violations(view, versions, ledger)
    return found


async def unrest(view: View, ledger: Ledger, seconds: float) -> list[str]:
    """Wait until nothing is left to do; returns what still is when the time is over.

    A look is never cancelled: aiokafka leaves a connection open where its start is.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            found = await _under_way(view, ledger)
        except AWAY as error:
            found = [f"a server is away: {type(error).__name__}"]
        if not found:
            return []
        if time.monotonic() > end:
            return [f"not at rest: {reason}" for reason in found]
        await asyncio.sleep(PAUSE_SECONDS)


async def _under_way(view: View, ledger: Ledger) -> list[str]:
    found: list[str] = []
    if late := await kafka_groups.lag(view.settings):
        found.append(f"{late} bucket events are not committed")
    folders = await list_folders(view.database, bucket=None, after="", limit=1000)
    found += [f"folder {folder.prefix} waits" for folder in folders if folder.due_at is not None]
    awaited = {upload.key for upload in ledger.confirmed}
    found += _unsettled(await view.versions(), awaited)
    # Last: what was done while the rest was looked at is told by an entry of the outbox.
    if waiting := await view.database.outbox.count_documents({}):
        found.append(f"{waiting} entries are in the outbox")
    return found


def _unsettled(versions: Iterable[VersionRecord], awaited: set[str]) -> list[str]:
    found: list[str] = []
    for version in versions:
        name = f"{version.model}/{version.number}"
        key = version.session.idempotency_key if version.session else None
        if version.work is not None:
            found.append(f"{name} is {version.state} and has work left: {version.work.kind}")
        elif version.state == "verifying" or (version.state == "pending" and key in awaited):
            found.append(f"{name} is {version.state}")
    return found
