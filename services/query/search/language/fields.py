"""The fields of each kind, and the type of their values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.query.search.language.errors import InvalidSearch
from services.query.search.language.nodes import Field

Kind = Literal["versions", "models"]
FieldType = Literal["text", "number", "moment", "any"]
"""any: what the entry holds: a text, a number, true or false."""


@dataclass(frozen=True, slots=True)
class KindFields:
    """What can be asked of one kind."""

    plain: Mapping[str, FieldType]
    groups: Mapping[str, FieldType]
    """Metadata, of which each entry is a field."""
    words: frozenset[str]
    """Texts whose words are searched; `text` is all of them."""


FIELDS: Mapping[Kind, KindFields] = {
    "versions": KindFields(
        {
            "name": "text",
            "namespace": "text",
            "version": "number",
            "label": "text",
            "state": "text",
            "framework": "text",
            "format": "text",
            "created_at": "moment",
            "ready_at": "moment",
            "archived_at": "moment",
            "size": "number",
            "digest": "text",
            "alias": "text",
            "description": "text",
        },
        {"metrics": "number", "params": "any", "tags": "text", "properties": "any"},
        frozenset(("text", "description")),
    ),
    "models": KindFields(
        {
            "name": "text",
            "namespace": "text",
            "versions": "number",
            "latest": "number",
            "created_at": "moment",
            "description": "text",
        },
        {"tags": "text"},
        frozenset(("text", "description")),
    ),
}
GROUPS_BY_OTHER_NAMES = {"parameters": "params"}
"""What the fields of a version are called where they are told."""


def find_field(
    path: tuple[str, ...], kind: Kind, parameter: str, column: int
) -> tuple[Field, FieldType]:
    """Return the field of this path, and its type; raises InvalidSearch."""
    known = FIELDS[kind]
    first = GROUPS_BY_OTHER_NAMES.get(path[0].lower(), path[0].lower())
    if len(path) == 1 and (plain := known.plain.get(first)):
        return Field(first), plain
    if len(path) > 1 and (group := known.groups.get(first)):
        return Field(".".join((first, *path[1:])), is_entry=True), group
    shown = ".".join(path)[:60]
    if first in known.groups:
        raise InvalidSearch(parameter, f"{shown} needs an entry, as {first}.NAME", column)
    names = [*known.plain, *(f"{name}.NAME" for name in known.groups)]
    rule = f"has no field {shown!r}; {kind} have {', '.join(names)}"
    raise InvalidSearch(parameter, rule, column, names)
