"""The one decision: whether a principal may do something to a model, and which names it sees."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.domain.access.actions import LEAST_ROLE, Action
from shared.domain.access.grants import Grant, contains, matches


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it may be done."""

    outcome: Literal["allowed", "forbidden", "hidden"]
    """hidden: to this principal the model is not there."""
    missing: str = ""
    """The grant that would allow it."""

    @property
    def is_allowed(self) -> bool:
        """Whether it may be done."""
        return self.outcome == "allowed"


@dataclass(frozen=True, slots=True)
class NameFilter:
    """The model names that a principal may see: what goes into a query."""

    everything: bool = False
    names: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    """Beginnings of names, each with its dot."""

    def has(self, name: str) -> bool:
        """Whether the name is among them."""
        return self.everything or name in self.names or any(map(name.startswith, self.namespaces))

    @property
    def ranges(self) -> Sequence[tuple[str, str]]:
        """Where the names of each namespace lie: from the first text on, and before the second."""
        # Every name that begins with "risk." lies before "risk/": the slash follows the dot.
        return [(each, each[:-1] + "/") for each in sorted(self.namespaces)]

    def below(self, beginning: str) -> "NameFilter":
        """Return those among them that begin so; `beginning` is a namespace with its dot."""
        if self.everything or any(map(beginning.startswith, self.namespaces)):
            return NameFilter(namespaces=frozenset((beginning,)))
        return NameFilter(
            names=frozenset(each for each in self.names if each.startswith(beginning)),
            namespaces=frozenset(each for each in self.namespaces if each.startswith(beginning)),
        )


EVERY_NAME = NameFilter(everything=True)


def decide(grants: Iterable[Grant], action: Action, name: str, *, alias: str = "") -> Decision:
    """Decide whether these grants allow an action on a model, or one of its aliases."""
    held = tuple(grants)
    if _allows(held, action, name, alias):
        return Decision("allowed")
    is_seen = any(grant.has_role("reader") and matches(grant.scope, name) for grant in held)
    # An upload makes its model: that it is refused says nothing of whether the model is there.
    is_told = is_seen or action is Action.UPLOAD
    missing = f"{LEAST_ROLE[action]}:{name}"
    return Decision("forbidden" if is_told else "hidden", missing)


def allows_pattern(grants: Iterable[Grant], action: Action, pattern: str) -> bool:
    """Whether these grants allow an action on every name that a pattern stands for."""
    return any(_is_for(each, action) and contains(each.scope, pattern) for each in grants)


def sees_within(grants: Iterable[Grant], pattern: str, action: Action = Action.READ) -> bool:
    """Whether these grants allow an action on any name that a pattern stands for."""
    return any(
        _is_for(each, action) and (contains(each.scope, pattern) or contains(pattern, each.scope))
        for each in grants
    )


def visible_names(grants: Iterable[Grant], action: Action = Action.READ) -> NameFilter:
    """Return the names on which these grants allow an action."""
    patterns = [grant.scope for grant in grants if _is_for(grant, action)]
    return NameFilter(
        everything="*" in patterns,
        names=frozenset(each for each in patterns if not each.endswith("*")),
        namespaces=frozenset(each[:-1] for each in patterns if each.endswith(".*")),
    )


def covers(grants: Iterable[Grant], wanted: Grant) -> bool:
    """Whether who holds these grants administers every name that the wanted one is for."""
    return any(g.kind == "admin" and contains(g.scope, wanted.pattern) for g in grants)


def may_change(grants: Iterable[Grant]) -> bool:
    """Whether any of these grants is for more than reading."""
    return any(grant.has_role("writer") or grant.kind == "alias" for grant in grants)


def _allows(grants: Iterable[Grant], action: Action, name: str, alias: str) -> bool:
    if action is Action.MOVE_ALIAS and Grant("alias", f"{name}@{alias}") in grants:
        return True
    return any(_is_for(grant, action) and matches(grant.scope, name) for grant in grants)


def _is_for(grant: Grant, action: Action) -> bool:
    if grant.kind == "events":
        return action in (Action.FOLLOW, Action.MANAGE_WEBHOOKS)
    return grant.has_role(LEAST_ROLE[action])
