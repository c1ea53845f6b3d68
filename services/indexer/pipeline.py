"""What the indexer waits for at its start."""

from faststream.kafka import KafkaBroker

from services.indexer.context import Context
from services.indexer.health import Health
from services.indexer.kafka.topics import TopicsUnfit, ensure_topics
from shared.database.errors import DatabaseUnavailable
from shared.database.indexes import IndexesMissing, verify_indexes
from shared.domain.errors import RegistryError
from shared.kafka.connection import KafkaProbe
from shared.kafka.pipeline import Start

WAITING = (DatabaseUnavailable, IndexesMissing)


async def prepare(context: Context, broker: KafkaBroker, probe: KafkaProbe, health: Health) -> None:
    """Wait for the servers, and make what the parts need; health tells which is waited for."""
    start = Start(health, broker, probe)
    await start.topics(lambda: ensure_topics(context.settings), TopicsUnfit)
    await start.step("MongoDB", lambda: verify_indexes(context.database), WAITING)
    await start.step("MinIO", context.groups.prepare, (RegistryError,))
    await start.connection()
