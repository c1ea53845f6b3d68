"""Which pages for operators somebody has: those of which they may do something anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.access.actions import Action
from shared.domain.access.decision import NameFilter, visible_names
from shared.domain.access.principals import Principal

ADMIN: Final = "/ui/admin/"
TOKENS: Final = f"{ADMIN}tokens"
WEBHOOKS: Final = f"{ADMIN}webhooks"
AUDIT: Final = f"{ADMIN}audit"


@dataclass(frozen=True, slots=True)
class Section:
    """One of the pages."""

    path: str
    title: str
    told: str
    action: Action


SECTIONS: Final = (
    Section(TOKENS, "Tokens", "who may do what, made and revoked", Action.MANAGE_TOKENS),
    Section(
        WEBHOOKS, "Webhooks", "who is told of events, and whether it came", Action.MANAGE_WEBHOOKS
    ),
    Section(AUDIT, "Audit", "what was changed, and what was refused", Action.READ_AUDIT),
)


def sections_of(principal: Principal) -> Sequence[Section]:
    """Return the pages that a principal has; none for who comes without a credential."""
    if principal.kind == "anonymous":
        return ()
    grants = principal.grants
    return [each for each in SECTIONS if visible_names(grants, each.action) != NameFilter()]
