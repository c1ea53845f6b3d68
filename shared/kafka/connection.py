"""How every Kafka client of the services connects and ends, and whether Kafka lets it in."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError

from registry.kafka.reaching import KafkaAway, KafkaRefuses, reach
from shared.kafka.errors import KafkaUnreachable
from shared.runtime.logs import get_logger
from shared.runtime.settings import Settings
from shared.runtime.tasks import heed_cancellation

STOP_SECONDS = 2.0
"""How long consumer and producer may each take to leave Kafka, which may be away."""

log = get_logger(__name__)


def kafka_options(settings: Settings) -> dict[str, Any]:
    """Return the arguments that each of aiokafka's clients is made with.

    Clients made with the same options share a token, where tokens are used.
    """
    return {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        **settings.kafka_security.options(),
    }


class KafkaProbe:
    """Asks Kafka by a connection of its own: one that is there may be a dead one."""

    def __init__(self, settings: Settings) -> None:
        self._servers = settings.kafka_bootstrap_servers
        self._options = settings.kafka_security.options()

    async def ask(self, seconds: float) -> None:
        """Return once a broker has let us in; raises KafkaUnreachable, which says why not."""
        try:
            await reach(self._servers, self._options, seconds)
        except (KafkaAway, KafkaRefuses) as error:
            raise KafkaUnreachable(str(error)) from error

    async def answers(self, seconds: float) -> bool:
        """Whether a broker tells of its topics now."""
        try:
            await self.ask(seconds)
        except KafkaUnreachable:
            return False
        return True


@asynccontextmanager
async def ended_within(seconds: float, what: str) -> AsyncGenerator[None]:
    """Limit the end of a part, which goes on where Kafka does not let it end in order."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, TimeoutError) as error:
        log.warning(f"{what} not stopped", error=type(error).__name__)
    except asyncio.CancelledError:
        heed_cancellation()  # else it is one of aiokafka's own: see shared/kafka/errors.py
        log.warning(f"{what} not stopped", error="CancelledError")
