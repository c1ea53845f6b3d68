"""Grants: a role over model names, or one thing alone."""

from dataclasses import dataclass
from typing import Self

from registry.schemas.access import ROLES, check_grant


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant, parsed from its text."""

    kind: str
    """A role, `events`, `alias`, or `upload`."""
    scope: str
    """A pattern of model names; MODEL@ALIAS; or the id of an upload's version."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `KIND:SCOPE`; raises ValueError with the rule that it breaks."""
        kind, _, scope = check_grant(text).partition(":")
        return cls(kind, scope)

    def __str__(self) -> str:
        return f"{self.kind}:{self.scope}"

    @property
    def pattern(self) -> str:
        """The model names that it is for."""
        return self.scope.partition("@")[0] if self.kind == "alias" else self.scope

    def has_role(self, least: str) -> bool:
        """Whether it is a role that may do what the least one may."""
        return self.kind in ROLES and ROLES.index(self.kind) >= ROLES.index(least)


def matches(pattern: str, name: str) -> bool:
    """Whether a model's name is one that the pattern stands for."""
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return name.startswith(pattern[:-1])
    return name == pattern


def contains(wide: str, narrow: str) -> bool:
    """Whether each name that `narrow` stands for is one of those of `wide`."""
    if wide == "*" or wide == narrow:
        return True
    return wide.endswith(".*") and narrow.startswith(wide[:-1])
