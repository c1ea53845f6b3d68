"""Who may do what, as a person would say it: what decisions and lists are compared with."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from shared.domain.access.actions import LEAST_ROLE, Action
from shared.domain.access.grants import Grant

ROLES = ("reader", "writer", "maintainer", "admin")


def oracle(held: Iterable[Grant], action: Action, name: str, alias: str = "") -> bool:
    """The rules as a person would say them."""
    for grant in held:
        if grant.kind == "alias":
            if action == "alias.move" and grant.scope == f"{name}@{alias}":
                return True
        elif fnmatchcase(name, grant.scope):  # no name has another wildcard
            if grant.kind == "events":
                if action in ("events.read", "webhook.manage"):
                    return True
            elif ROLES.index(grant.kind) >= ROLES.index(LEAST_ROLE[action]):
                return True
    return False
