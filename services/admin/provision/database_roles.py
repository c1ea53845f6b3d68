"""What each service may do in MongoDB, collection by collection.

A statement of a service that is not covered here is refused; the end-to-end tests hold what the
services send against this table.
"""

from collections.abc import Mapping

from shared.database.users import Privilege

READ = ("find",)
WRITE = ("find", "insert", "update")
"""An upsert is both of the latter."""
ALL = (*WRITE, "remove")
FOLLOW = ("find", "changeStream")

_ON_EVERY_COLLECTION = ("listIndexes", "killCursors")
"""A start verifies indexes; a cursor that is closed early is killed."""

_COLLECTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ingest": {
        "models": WRITE,
        "versions": WRITE,
        "handles": ALL,  # a rejected version gives its handles back
        "part_digests": ALL,  # of bytes that are there, for a version that refers to them
        "staged": ALL,  # a commit takes what it has
        "aliases": WRITE,
        "alias_history": ("find", "insert"),
        "edits": ("find", "insert"),
        "unchanged": ("find", "insert"),
        "alias_proposals": WRITE,
        "rules": WRITE,
        "edges": ALL,
        "outbox": ("insert",),
        "storage_groups": READ,
        "tokens": WRITE,
        "browser_sessions": ("find",),  # those with which query hands something on
        "audit": ("insert", "update"),  # an entry, and then how it ended
        "subscriptions": ALL,
        "webhook_secrets": ALL,
        "deliveries": WRITE,  # a test, and what is to be delivered again
        "delivery_queues": WRITE,
    },
    "query": {
        "models": FOLLOW,
        "versions": FOLLOW,
        "aliases": READ,
        "alias_history": READ,
        "edits": READ,
        "alias_proposals": READ,
        "rules": READ,
        "edges": READ,
        "handles": READ,
        "part_digests": READ,
        "tokens": ("find", "update"),  # when one was last used
        "browser_sessions": ("find", "insert", "remove"),
        "audit": WRITE,
        "reports": READ,  # the last comparison; whether an operator wants search made anew
        "strays": READ,
        "subscriptions": READ,  # and not their secrets
        "deliveries": READ,
    },
    "indexer": {
        "models": WRITE,
        "versions": WRITE,
        "handles": ALL,
        "rules": READ,
        "part_digests": ALL,
        "staged": ("find", "update", "remove"),  # what nobody committed
        "outbox": (*ALL, "changeStream"),
        "storage_groups": READ,
        "strays": ALL,
        "found_folders": ALL,
        "leases": ("insert", "update", "remove"),
        "reports": ALL,
    },
    "notifier": {
        "models": READ,  # whether the server lets us in
        "versions": READ,
        "tokens": READ,
        "subscriptions": ("find", "update"),  # since when one fails, and that it is disabled
        "webhook_secrets": READ,
        "deliveries": ALL,
        "delivery_queues": ALL,
        "outbox": ("insert",),  # that one was disabled
        "audit": ("insert",),
    },
}


def database_roles(*, makes_groups: bool) -> Mapping[str, list[Privilege]]:
    """Return the privileges of each service; with `makes_groups` ingest makes storage groups."""
    roles: dict[str, list[Privilege]] = {}
    for service, collections in _COLLECTIONS.items():
        given = dict(collections)
        if service == "ingest" and makes_groups:
            given["storage_groups"] = ALL
        roles[service] = [
            Privilege("", _ON_EVERY_COLLECTION),
            *(Privilege(name, actions) for name, actions in given.items()),
        ]
    return roles
