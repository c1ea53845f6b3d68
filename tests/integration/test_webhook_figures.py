"""What is counted of attempts to deliver: each of them, and how long an answer took."""

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.notifier.context import Context
from services.notifier.figures.counts import Counted
from services.notifier.sending.delivering import Deliverer
from services.notifier.sending.sender import Outcome
from shared.database.client import Database
from shared.database.webhooks import deliveries
from shared.domain.webhooks.records import queue_of
from shared.runtime.settings import Settings
from tests.integration.webhook_drafts import delivery, subscribed

TIMEOUT = Outcome(10_000, error="timeout")
REFUSED = Outcome(0, error="connection")


class Sends:
    """Has every request end so."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def post(self, _url: str, _headers: Mapping[str, str], _body: bytes) -> Outcome:
        return self._outcome


@pytest.mark.parametrize(
    ("outcome", "became", "answers", "seconds"),
    [
        (Outcome(40, status=204), "delivered", 1, 0.04),
        (Outcome(70, status=503), "failed", 1, 0.07),
        (TIMEOUT, "failed", 0, 0),
        (REFUSED, "failed", 0, 0),
    ],
    ids=["delivered", "failed", "timeout", "refused"],
)
async def test_only_an_answer_tells_how_long_it_took(
    settings: Settings,
    database: Database,
    model: str,
    outcome: Outcome,
    became: str,
    answers: int,
    seconds: float,
) -> None:
    registry = CollectorRegistry()
    context = Context.create(settings, database, Counted(registry))
    made = await subscribed(database)
    await deliveries.record_deliveries(database, [delivery(made.id, model, 1)])
    [first] = await deliveries.waiting_in(database, queue_of(made.id, model), 5)
    sends: Any = Sends(outcome)
    await Deliverer(context, sends).deliver(made, first)
    told = registry.get_sample_value
    assert told("registry_delivery_attempts_total", {"outcome": became}) == 1
    assert told("registry_delivery_duration_seconds_count") == answers
    assert told("registry_delivery_duration_seconds_sum") == seconds
