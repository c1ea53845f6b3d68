"""Names of its own for each test or module, so that one set of servers serves all of them.

MinIO sends the events of every bucket to one topic. An indexer under test has its own database,
and leaves alone the events of buckets that are not in it.
"""

from collections.abc import Mapping
from uuid import uuid4

from shared.runtime.settings import MIB, Settings
from tests.support.access import ADMIN_TOKEN
from tests.support.servers import Addresses


def isolated(addresses: Addresses) -> dict[str, str]:
    """The servers' addresses, with a database, bucket, topics and consumer group for one user."""
    token = uuid4().hex[:12]
    return {
        **addresses,
        "REGISTRY_ADMIN_TOKEN": ADMIN_TOKEN,
        "MONGODB_DB": f"test_{token}",
        "MINIO_BUCKET": f"test-{token}",
        "MANIFEST_BUCKET": f"test-{token}-manifests",
        "STORAGE_GROUPS_ALLOW_NEW": "true",
        "STORAGE_GROUPS_NEW_NAMES": "*",
        "RECONCILE_INTERVAL_SECONDS": "0",
        "FOUND_SETTLE_SECONDS": "1",
        "KAFKA_MODEL_EVENTS_TOPIC": f"test-{token}.model-events",
        "KAFKA_DEAD_LETTER_TOPIC": f"test-{token}.dead-letter",
        "KAFKA_INDEXER_GROUP": f"test-{token}",
        "KAFKA_NOTIFIER_GROUP": f"test-{token}-notifier",
        "KAFKA_TOPIC_PARTITIONS": "3",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "WEBHOOK_ALLOW_HTTP": "true",
        "WEBHOOK_TIMEOUT_SECONDS": "2",
        "WEBHOOK_FIRST_PAUSE_SECONDS": "0.1",
        "WEBHOOK_LONGEST_PAUSE_SECONDS": "0.5",
    }


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Settings from these variables alone, whatever the process's environment says."""
    return Settings.model_validate({name.lower(): value for name, value in environment.items()})


SETTINGS = settings_of(
    {
        "MONGODB_URL": "mongodb://unused",
        "MINIO_ENDPOINT": "unused:9000",
        "MINIO_ACCESS_KEY": "unused",
        "MINIO_SECRET_KEY": "unused",
        "UPLOAD_SINGLE_PUT_MAX_BYTES": str(64 * MIB),
        "UPLOAD_PART_SIZE_BYTES": str(16 * MIB),
    }
)
"""Settings for tests that reach no server."""
