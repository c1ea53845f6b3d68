"""What can be done, and the least role that may do it."""

from collections.abc import Mapping
from enum import StrEnum


class Action(StrEnum):
    """What a route does; every route declares one."""

    PUBLIC = "public"
    """Anybody may: where the services are, whether they are alive."""
    IDENTIFY = "identity.read"
    """Who is known may: what they are told is about themselves."""
    READ = "model.read"
    DOWNLOAD = "version.download"
    FOLLOW = "events.read"
    UPLOAD = "upload.open"
    USE_UPLOAD = "upload.use"
    """Read, sign, complete or abort an upload; its owner may as well, without a role."""
    MOVE_ALIAS = "alias.move"
    ARCHIVE = "version.archive"
    DELETE = "version.delete"
    """Delete, and restore."""
    HOLD = "version.hold"
    """Set or release a legal hold."""
    EDIT = "model.edit"
    """Change what is said of a model or of its versions."""
    MOVE_PROTECTED_ALIAS = "alias.move_protected"
    """Move an alias that the model's rules leave to maintainers."""
    SET_RULES = "rules.set"
    CHANGE_LINEAGE = "lineage.change"
    MAKE_STORAGE_GROUP = "storage_group.make"
    MANAGE_WEBHOOKS = "webhook.manage"
    """Subscribe addresses to events, and manage one's own subscriptions."""
    MANAGE_TOKENS = "token.manage"
    READ_AUDIT = "audit.read"
    READ_OPERATIONS = "operations.read"
    """Be told of the registry as a whole: comparisons, strays, what namespaces have."""


LEAST_ROLE: Mapping[Action, str] = {
    Action.READ: "reader",
    Action.DOWNLOAD: "reader",
    Action.FOLLOW: "reader",
    Action.MANAGE_WEBHOOKS: "reader",
    Action.UPLOAD: "writer",
    Action.MOVE_ALIAS: "writer",
    Action.EDIT: "writer",
    Action.CHANGE_LINEAGE: "writer",
    Action.USE_UPLOAD: "maintainer",
    Action.ARCHIVE: "maintainer",
    Action.DELETE: "maintainer",
    Action.HOLD: "admin",
    Action.MOVE_PROTECTED_ALIAS: "maintainer",
    Action.SET_RULES: "maintainer",
    Action.MAKE_STORAGE_GROUP: "maintainer",
    Action.MANAGE_TOKENS: "admin",
    Action.READ_AUDIT: "admin",
    Action.READ_OPERATIONS: "admin",
}
"""The actions on a model, by its name."""

READING = frozenset((Action.READ, Action.DOWNLOAD, Action.FOLLOW))
"""The actions that change nothing, and that may be granted to anybody."""
