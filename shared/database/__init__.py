"""MongoDB behind repositories: reads, state changes, the outbox."""

from shared.database.client import Database, DatabaseError, open_database
from shared.database.indexes import ensure_indexes
from shared.database.leases import claim_unconfirmed, claim_verifying, confirm_digests, renew_lease
from shared.database.lifecycle import open_version, reject, settle
from shared.database.outbox import Outbox, PendingEvent
from shared.database.versions import Versions
from shared.database.watch import watch

__all__ = [
    "Database",
    "DatabaseError",
    "Outbox",
    "PendingEvent",
    "Versions",
    "claim_unconfirmed",
    "claim_verifying",
    "confirm_digests",
    "ensure_indexes",
    "open_database",
    "open_version",
    "reject",
    "renew_lease",
    "settle",
    "watch",
]
