"""The indexes that the statements of webhooks rely on."""

from collections.abc import Mapping

from pymongo import ASCENDING, DESCENDING, IndexModel


def webhook_indexes() -> Mapping[str, list[IndexModel]]:
    """Return them by collection."""
    return {
        "subscriptions": [
            IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)]),
            # What changed of late: the notifier asks before each batch of events.
            IndexModel([("changed_at", ASCENDING)]),
        ],
        "deliveries": [
            IndexModel([("subscription", ASCENDING), ("recorded_at", DESCENDING)]),
            IndexModel(
                [("subscription", ASCENDING), ("model", ASCENDING), ("sequence", ASCENDING)]
            ),
            # The queues: what is settled waits in none, and is not in it.
            IndexModel([("waiting_in", ASCENDING), ("sequence", ASCENDING)], sparse=True),
            IndexModel([("forget_at", ASCENDING)], expireAfterSeconds=0),
        ],
        "delivery_queues": [
            IndexModel([("due_at", ASCENDING)]),
            IndexModel([("subscription", ASCENDING)]),
        ],
    }
