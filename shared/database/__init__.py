"""MongoDB behind repositories: reads, state changes, the outbox."""

from shared.database.client import Database, DatabaseError, limit_operations, open_database
from shared.database.indexes import ensure_indexes
from shared.database.leases import LeaseLost, keep_renewed, run_under_lease, try_lease
from shared.database.lifecycle import mark_missing, open_version, reject, restore, settle
from shared.database.outbox import LANES, Outbox, PendingEvent, lane_of
from shared.database.versions import Versions
from shared.database.watch import watch
from shared.database.work import (
    claim_work,
    confirm_digests,
    finish_work,
    give_back_work,
    give_up_work,
    postpone_work,
    renew_lease,
    retry_work,
)

__all__ = [
    "LANES",
    "Database",
    "DatabaseError",
    "LeaseLost",
    "Outbox",
    "PendingEvent",
    "Versions",
    "claim_work",
    "confirm_digests",
    "ensure_indexes",
    "finish_work",
    "give_back_work",
    "give_up_work",
    "keep_renewed",
    "lane_of",
    "limit_operations",
    "mark_missing",
    "open_database",
    "open_version",
    "postpone_work",
    "reject",
    "renew_lease",
    "restore",
    "retry_work",
    "run_under_lease",
    "settle",
    "try_lease",
    "watch",
]
