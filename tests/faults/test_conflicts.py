"""A database that answers a tenth of the commands with what MongoDB answers in conflicts."""

from collections.abc import Callable

import pytest

from tests.faults.harness.running_registry import Harness
from tests.faults.harness.uploader import upload_many
from tests.support.wire_faults import NOT_WRITABLE_PRIMARY, WRITE_CONFLICT
from tests.support.wire_proxy import wire_proxy

pytestmark = pytest.mark.servers

MODELS = 20
DEADLINE_SECONDS = "10"
"""Of a transaction; the uploaders' patience with one answer is half as long again."""


async def test_a_tenth_of_the_commands_in_conflict_costs_nothing(
    registry: Harness, long_form: bool, record_property: Callable[[str, object], None]
) -> None:
    uploads = 2000 if long_form else 100
    with wire_proxy(registry.environment["MONGODB_URL"]) as proxy:
        await registry.start_both(
            MONGODB_URL=proxy.url, MONGODB_TRANSACTION_SECONDS=DEADLINE_SECONDS
        )
        kinds = (WRITE_CONFLICT, NOT_WRITABLE_PRIMARY)
        faults = proxy.inject_at_random(rate=0.1, seed=9, kinds=kinds)
        await upload_many(registry.uploader, registry.model, uploads, models=MODELS, at_once=8)
        assert len(registry.ledger.confirmed) == uploads
        assert await registry.violations() == []
        faults.is_on = False
        record_property("injected", dict(proxy.injected))
        record_property("longest answer in seconds", registry.uploader.longest_answer_seconds)
        assert proxy.injected.total() > uploads / 2
    assert registry.uploader.unanswered == 0, "a call waited longer than its deadline"
