"""The adopter as readiness sees it."""

import asyncio
from typing import Any, cast

import pytest

from services.indexer.context import Context
from services.indexer.found import adopter
from services.indexer.found.adopter import Adopter
from shared.domain.errors import Unavailable
from shared.kafka.errors import KafkaForbids, KafkaUnavailable


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (
            KafkaForbids("TopicAuthorizationFailedError"),
            "adoption of found folders fails (KafkaForbids: Kafka does not confirm: "
            "TopicAuthorizationFailedError)",
        ),
        (KafkaUnavailable("TimeoutError"), ""),
    ],
)
async def test_a_dead_letter_that_is_denied_is_told_and_an_outage_is_not(
    monkeypatch: pytest.MonkeyPatch, error: Unavailable, trouble: str
) -> None:
    async def fail(*_: Any) -> bool:
        raise error

    async def rest(*_: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(adopter, "adopt_once", fail)
    monkeypatch.setattr(adopter, "woken", rest)
    watched = Adopter(cast("Context", None), cast("Any", None), lambda: None)
    with pytest.raises(asyncio.CancelledError):
        await watched.run()
    assert watched.mark.trouble() == trouble
