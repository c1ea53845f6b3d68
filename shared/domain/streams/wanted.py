"""Which events a reader gets: those that it asked for, of the models that it may follow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from registry.schemas.access import check_pattern
from registry.schemas.aliases import check_alias
from registry.schemas.event_types import event_types, expanded_types
from shared.domain.access.decision import NameFilter

MAX_VALUES = 50
"""Values of each filter."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What filters ask of an event."""

    model: str
    type: str
    alias: str | None = None
    """The alias that it tells of; None for an event of something else."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """Texts, and beginnings of texts; nothing stands for all."""

    whole: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Sequence[str]) -> Self:
        """Build it of texts of which those that end in `*` are beginnings."""
        return cls(
            frozenset(each for each in values if not each.endswith("*")),
            tuple(each[:-1] for each in values if each.endswith("*")),
        )

    def has(self, text: str) -> bool:
        """Whether the text is one of them, or there is none."""
        if not self.whole and not self.beginnings:
            return True
        return text in self.whole or text.startswith(self.beginnings)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter: of each kind that is given, an event has to be one of the values."""

    models: Patterns = Patterns()
    types: frozenset[str] = frozenset()
    """None: of any type, also of those that a newer release has."""
    aliases: frozenset[str] = frozenset()
    """Aliases, of which an event must tell; none: it may tell of anything."""

    @classmethod
    def of(
        cls, models: Sequence[str] = (), types: Sequence[str] = (), aliases: Sequence[str] = ()
    ) -> Self:
        """Build it of what a request says; raises BadFilter."""
        _check("model", models, check_pattern)
        _check("type", types, event_types)
        _check("alias", aliases, check_alias)
        return cls(Patterns.of(models), frozenset(expanded_types(types)), frozenset(aliases))

    def has(self, event: Facts, readable: NameFilter) -> bool:
        """Whether the reader gets the event, who may follow the models of `readable`."""
        return (
            (not self.types or event.type in self.types)
            and (not self.aliases or event.alias in self.aliases)
            and self.models.has(event.model)
            and readable.has(event.model)
        )


class BadFilter(ValueError):
    """A value of a filter breaks a rule."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field = field
        self.rule = rule


def _check(field: str, values: Sequence[str], check: Callable[[str], object]) -> None:
    if len(values) > MAX_VALUES:
        raise BadFilter(field, f"must be given at most {MAX_VALUES} times")
    for value in values:
        try:
            check(value)
        except ValueError as error:
            raise BadFilter(field, str(error)) from error
