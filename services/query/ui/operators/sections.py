"""Which pages for operators somebody has: those of which they may do something anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.access.actions import Action
from shared.domain.access.decision import NameFilter, allows_pattern, visible_names
from shared.domain.access.principals import Principal

ADMIN: Final = "/ui/admin/"
TOKENS: Final = f"{ADMIN}tokens"
WEBHOOKS: Final = f"{ADMIN}webhooks"
AUDIT: Final = f"{ADMIN}audit"
STORAGE: Final = f"{ADMIN}storage"
DEAD_LETTERS: Final = f"{ADMIN}dead-letters"


@dataclass(frozen=True, slots=True)
class Section:
    """One of the pages."""

    path: str
    title: str
    told: str
    action: Action
    pattern: str = ""
    """Of names that are all needed; empty: any name will do."""


SECTIONS: Final = (
    Section(TOKENS, "Tokens", "who may do what, made and revoked", Action.MANAGE_TOKENS),
    Section(
        WEBHOOKS, "Webhooks", "who is told of events, and whether it came", Action.MANAGE_WEBHOOKS
    ),
    Section(AUDIT, "Audit", "what was changed, and what was refused", Action.READ_AUDIT),
    Section(
        STORAGE, "Storage", "comparisons, namespaces, strays, purges", Action.READ_OPERATIONS, "*"
    ),
    Section(DEAD_LETTERS, "Dead letters", "what could not be handled", Action.READ_OPERATIONS, "*"),
)


def sections_of(principal: Principal) -> Sequence[Section]:
    """Return the pages that a principal has; none for who comes without a credential."""
    if principal.kind == "anonymous":
        return ()
    return [each for each in SECTIONS if _has(principal, each)]


def _has(principal: Principal, section: Section) -> bool:
    if section.pattern:
        return allows_pattern(principal.grants, section.action, section.pattern)
    return visible_names(principal.grants, section.action) != NameFilter()
