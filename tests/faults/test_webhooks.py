"""Webhooks under fire: receivers that fail, hang, redirect and come back, notifiers killed.

Nothing is lost, each model's events come in order, and what comes again has the id that it had.
WEBHOOK_EVENTS=10000 is the long form.
"""

import asyncio
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from registry.schemas import EventData, ModelEvent
from shared.database.webhooks.subscriptions import add_subscription
from shared.domain.records import utc_now
from shared.domain.webhooks.records import SecretRecord, SecretsRecord, SubscriptionRecord
from shared.domain.webhooks.signing import new_secret
from tests.faults.harness.kafka_groups import producer_of
from tests.faults.harness.processes import Service
from tests.faults.harness.running_registry import Harness
from tests.faults.harness.waiting import until_true
from tests.support.receiver import Answer, Received, Receiver, receiver
from tests.support.receiver_faults import BEHAVIOURS

pytestmark = pytest.mark.servers

EVENTS = int(os.environ.get("WEBHOOK_EVENTS", "60"))
SEED = int(os.environ.get("WEBHOOK_SEED", "1"))
KILL_SECONDS = float(os.environ.get("WEBHOOK_KILL_SECONDS", "4" if EVENTS > 1000 else "1.5"))
MOST_KILLS = 10_000 if EVENTS > 1000 else 3
MODELS = 10 if EVENTS > 1000 else 4
"""Of each receiver."""
LEASE = "lease:10" if EVENTS > 1000 else "lease:2"
MOST_SECONDS = 120 + EVENTS / 5


@dataclass
class Target:
    """A receiver, and the subscription that leads there."""

    name: str
    hook: Receiver
    unsigned: list[str] = field(default_factory=list[str])
    """What came and was not signed by the subscription's secret."""

    def models(self) -> Iterator[str]:
        yield from (f"{self.name}.model-{number}" for number in range(MODELS))


@pytest.fixture
def hooks() -> Iterator[dict[str, Receiver]]:
    with ExitStack() as stack:
        found = {name: stack.enter_context(receiver()) for name in BEHAVIOURS}
        yield found


async def subscribe(registry: Harness, name: str, hook: Receiver) -> Target:
    secret, webhook, now = new_secret(), uuid4().hex, utc_now()
    record = SubscriptionRecord(
        id=webhook,
        url=hook.url,
        models=[f"{name}.*"],
        owner="administrator",
        made_by="administrator",
        created_at=now - timedelta(seconds=1),
        changed_at=now,
    )
    kept = SecretsRecord(id=webhook, secrets=[SecretRecord(text=secret)])
    await add_subscription(registry.view.database, record, kept)
    target, verifier, made = Target(name, hook), Verifier(secret), random.Random(SEED)  # noqa: S311

    def behave(received: Received) -> Answer:
        try:
            verifier.verify(received.body, dict(received.headers))
        except WebhookVerificationError as error:
            target.unsigned.append(f"{received.id}: {error}")
        return BEHAVIOURS[name](made)

    hook.behave(behave)
    return target


def event_of(model: str, sequence: int, source: str) -> ModelEvent:
    version = f"{model}-{sequence}"
    return ModelEvent(
        id=f"{version}-{uuid4().hex[:8]}",
        source=source,
        type="registry.version.ready.v1",
        subject=f"{model}/{sequence}",
        time=utc_now(),
        sequence=sequence,
        data=EventData(
            model=model, number=sequence, version_id=version, state="ready", storage_group="models"
        ),
    )


async def publish(registry: Harness, targets: list[Target]) -> dict[tuple[str, int], str]:
    """Put the events on the topic, some of them twice, as a relay does; returns their ids."""
    made = random.Random(SEED)  # noqa: S311 - no secret
    ids: dict[tuple[str, int], str] = {}
    models = [model for target in targets for model in target.models()]
    async with producer_of(registry.settings) as producer:
        for number in range(EVENTS):
            model, sequence = models[number % len(models)], number // len(models) + 1
            event = event_of(model, sequence, registry.settings.event_source)
            ids[model, sequence] = event.id
            body = event.model_dump_json(exclude_none=True).encode()
            for _ in range(2 if made.random() < 0.05 else 1):
                topic = registry.settings.kafka_model_events_topic
                await producer.send_and_wait(topic, body, key=model.encode())
    return ids


@asynccontextmanager
async def under_fire(registry: Harness, notifiers: list[Service]) -> AsyncGenerator[Counter[str]]:
    """Kill one of the notifiers every few seconds during the block, and start it anew."""
    figures: Counter[str] = Counter()

    async def fire() -> None:
        made = random.Random(SEED)  # noqa: S311 - no secret
        while figures["kills"] < MOST_KILLS:
            await asyncio.sleep(KILL_SECONDS)
            place = made.randrange(len(notifiers))
            notifiers[place].kill()
            figures["kills"] += 1
            notifiers[place] = await registry.restart(notifiers[place], LEASE)

    firing = asyncio.create_task(fire())
    try:
        yield figures
        firing.cancel()
    finally:
        firing.cancel()
        await asyncio.gather(firing, return_exceptions=True)


def wrong_with(target: Target, ids: dict[tuple[str, int], str]) -> list[str]:
    """What a receiver saw that it should not have."""
    wrong = list(target.unsigned)
    taken: dict[str, set[int]] = defaultdict(set)
    for each in target.hook.received:
        event = each.event
        model, sequence = event["data"]["model"], event["sequence"]
        if each.id != ids[model, sequence]:
            wrong.append(f"{model} {sequence} came as {each.id}")
        if missing := set(range(1, sequence)) - taken[model]:
            wrong.append(f"{model} {sequence} came before {min(missing)}")
        if 200 <= each.status < 300:
            taken[model].add(sequence)
    for model, sequence in ids:
        if model.startswith(f"{target.name}.") and sequence not in taken[model]:
            wrong.append(f"{model} {sequence} is lost")
    return wrong


def figures_of(targets: list[Target]) -> dict[str, int]:
    received: list[Received] = [each for target in targets for each in target.hook.received]
    accepted = [each for each in received if 200 <= each.status < 300]
    return {
        "requests": len(received),
        "accepted": len(accepted),
        "accepted again": len(accepted) - len({each.id for each in accepted}),
    }


async def test_nothing_is_lost_and_each_model_is_in_order_under_fire(
    registry: Harness, hooks: dict[str, Receiver]
) -> None:
    targets = [await subscribe(registry, name, hook) for name, hook in hooks.items()]
    patience = {"WEBHOOK_TIMEOUT_SECONDS": "1", "WEBHOOK_LONGEST_PAUSE_SECONDS": "1"}
    registry.environment.update(patience)
    notifiers = [registry.launch("notifier", LEASE), registry.launch("notifier", LEASE)]
    for each in notifiers:
        await each.ready()
    began = time.monotonic()
    async with under_fire(registry, notifiers) as figures:
        ids = await publish(registry, targets)

        async def all_taken() -> bool:
            taken = {each.id for target in targets for each in target.hook.accepted}
            return taken >= set(ids.values())

        await until_true("every event was taken", all_taken, MOST_SECONDS)
    took = time.monotonic() - began
    assert [wrong for target in targets for wrong in wrong_with(target, ids)] == []
    assert figures["kills"] > 0
    print({"events": len(ids), "seconds": round(took), **figures, **figures_of(targets)})  # noqa: T201 - the figures of the long form
