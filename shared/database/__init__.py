"""MongoDB behind repositories: reads, state changes, the outbox."""

from shared.database.client import Database, DatabaseError, open_database
from shared.database.indexes import ensure_indexes
from shared.database.lifecycle import open_version, reject, settle
from shared.database.outbox import LANES, Outbox, PendingEvent, lane_of
from shared.database.versions import Versions
from shared.database.watch import watch
from shared.database.work import claim_work, confirm_digests, renew_lease

__all__ = [
    "LANES",
    "Database",
    "DatabaseError",
    "Outbox",
    "PendingEvent",
    "Versions",
    "claim_work",
    "confirm_digests",
    "ensure_indexes",
    "lane_of",
    "open_database",
    "open_version",
    "reject",
    "renew_lease",
    "settle",
    "watch",
]
