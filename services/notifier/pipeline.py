"""What the notifier waits for at its start."""

from faststream.kafka import KafkaBroker

from services.notifier.context import Context
from services.notifier.health import Health
from services.notifier.receiving.consumer import TopicMissing, require_topics
from shared.database.errors import DatabaseUnavailable
from shared.database.indexes import IndexesMissing, verify_indexes
from shared.kafka.connection import KafkaProbe
from shared.kafka.pipeline import Start

WAITING = (DatabaseUnavailable, IndexesMissing)


async def prepare(context: Context, broker: KafkaBroker, probe: KafkaProbe, health: Health) -> None:
    """Wait for the servers and what others make there; health tells which is waited for."""
    start = Start(health, broker, probe)
    await start.topics(lambda: require_topics(context.settings), TopicMissing)
    await start.step("MongoDB", lambda: verify_indexes(context.database), WAITING)
    await start.connection()
