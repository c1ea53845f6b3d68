"""A filter as a tree. Leaves are never negated: `!=` is "has a value, and NOT equal"."""

from collections.abc import Sequence
from dataclasses import dataclass

Scalar = str | int | float | bool
"""A value as the projection holds it; moments are milliseconds since 1970, in UTC."""


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared: a field of each version or model, or an entry of its metadata."""

    name: str
    """Such as "state", or "metrics.auc"."""
    is_entry: bool = False
    """Whether it is an entry of metrics, params, tags or properties."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of the field's values is one of these."""

    field: Field
    values: Sequence[Scalar]


@dataclass(frozen=True, slots=True)
class Range:
    """One of the field's values, of the type of the bounds, lies between them."""

    field: Field
    low: str | int | float | None = None
    high: str | int | float | None = None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True, slots=True)
class Like:
    """One of the field's texts matches a pattern: % is any characters, _ is one."""

    field: Field
    pattern: str
    is_folded: bool
    """Whether upper and lower case are alike, by Unicode's case folding."""


@dataclass(frozen=True, slots=True)
class Present:
    """The field has a value."""

    field: Field


@dataclass(frozen=True, slots=True)
class Words:
    """All of these words are in the texts; one that ends with * is the beginning of a word."""

    words: Sequence[str]
    column: str | None = None
    """The one text in which they are; None: in all of them together."""


@dataclass(frozen=True, slots=True)
class And:
    """All of these hold."""

    parts: "Sequence[Node]"


@dataclass(frozen=True, slots=True)
class Or:
    """One of these holds."""

    parts: "Sequence[Node]"


@dataclass(frozen=True, slots=True)
class Not:
    """This does not hold, also where what it compares is missing."""

    part: "Node"


Leaf = OneOf | Range | Like | Present | Words
Node = Leaf | And | Or | Not


@dataclass(frozen=True, slots=True)
class OrderKey:
    """What results are sorted by; those that lack it come last, in either direction."""

    field: Field
    descending: bool = False
