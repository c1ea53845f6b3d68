"""Reading one term of a filter: its field, its operator, and values of the field's type."""

import re
from collections.abc import Callable, Mapping, Sequence
from unicodedata import category

from lark import Token, Tree

from services.query.search.language.bounds import MAX_WILDCARDS, MAX_WORDS
from services.query.search.language.errors import FILTER, InvalidSearch
from services.query.search.language.fields import FIELDS, FieldType, Kind, find_field
from services.query.search.language.nodes import (
    And,
    Field,
    Like,
    Node,
    Not,
    OneOf,
    Present,
    Range,
    Words,
)
from services.query.search.language.values import Written, comparable, read_value, text_of

Parsed = Tree[Token]
_WORD = re.compile(r"[^\s*]+\*?")


def read_term(parsed: Parsed, kind: Kind) -> Node:
    """Return what a term says; raises InvalidSearch."""
    return _READERS[str(parsed.data)](parsed, kind)


def _comparison(parsed: Parsed, kind: Kind) -> Node:
    field, of_type = _field(parsed, kind)
    operator = str(_tokens(parsed)[0])
    written = _values(parsed)[0]
    value = read_value(written, of_type, field.name)
    if operator == "=":
        return OneOf(field, (value,))
    if operator == "!=":
        return And((Present(field), Not(OneOf(field, (value,)))))
    bound = comparable(value, written)
    with_bound = operator.endswith("=")
    if operator.startswith("<"):
        return Range(field, high=bound, with_high=with_bound)
    return Range(field, low=bound, with_low=with_bound)


def _matching(parsed: Parsed, kind: Kind) -> Node:
    field, of_type = _field(parsed, kind)
    [written] = _values(parsed)
    if of_type not in ("text", "any"):
        raise InvalidSearch(
            FILTER, f"{field.name} holds no text, which LIKE is for", written.column
        )
    pattern = text_of(written)
    if pattern.count("%") + pattern.count("_") > MAX_WILDCARDS:
        rule = f"must have at most {MAX_WILDCARDS} of % and _ in a pattern"
        raise InvalidSearch(FILTER, rule, written.column)
    is_folded = any(token.type == "ILIKE" for token in _tokens(parsed))
    return _negated(parsed, field, Like(field, pattern, is_folded))


def _membership(parsed: Parsed, kind: Kind) -> Node:
    field, of_type = _field(parsed, kind)
    values = [read_value(each, of_type, field.name) for each in _values(parsed)]
    return _negated(parsed, field, OneOf(field, values))


def _between(parsed: Parsed, kind: Kind) -> Node:
    field, of_type = _field(parsed, kind)
    low, high = (
        comparable(read_value(each, of_type, field.name), each) for each in _values(parsed)
    )
    if isinstance(low, str) != isinstance(high, str):
        column = _values(parsed)[1].column
        raise InvalidSearch(FILTER, "BETWEEN needs two values of one type", column)
    return _negated(parsed, field, Range(field, low, high))


def _missing(parsed: Parsed, kind: Kind) -> Node:
    field, _ = _field(parsed, kind)
    return Present(field) if _is_negated(parsed) else Not(Present(field))


def _having(parsed: Parsed, kind: Kind) -> Node:
    """Read HAS: words of a text, an entry of metadata by its name, or one of several values."""
    [path] = parsed.find_data("field")
    names, column = _path(path)
    [written] = _values(parsed)
    first = names[0].lower()
    if len(names) == 1 and first in FIELDS[kind].words:
        return Words(_words(written), None if first == "text" else first)
    if len(names) == 1 and first in FIELDS[kind].groups:
        field, _ = find_field((first, text_of(written)), kind, FILTER, column)
        return Present(field)
    field, of_type = find_field(names, kind, FILTER, column)
    return OneOf(field, (read_value(written, of_type, field.name),))


_READERS: Mapping[str, Callable[[Parsed, Kind], Node]] = {
    "comparison": _comparison,
    "matching": _matching,
    "membership": _membership,
    "between": _between,
    "missing": _missing,
    "having": _having,
}


def _negated(parsed: Parsed, field: Field, node: Node) -> Node:
    """Return the node, or with NOT: that there is a value, for which it does not hold."""
    return And((Present(field), Not(node))) if _is_negated(parsed) else node


def _is_negated(parsed: Parsed) -> bool:
    return any(token.type == "NOT" for token in _tokens(parsed))


def _words(written: Written) -> Sequence[str]:
    told = "".join(each if each == "*" or _is_of_word(each) else " " for each in text_of(written))
    words = [each for each in _WORD.findall(told) if any(map(str.isalnum, each))]
    if not 1 <= len(words) <= MAX_WORDS:
        rule = f"must have 1 to {MAX_WORDS} words of letters and digits"
        raise InvalidSearch(FILTER, rule, written.column)
    return words


def _is_of_word(letter: str) -> bool:
    """Whether a character stands within a word.

    Marks and symbols do, since SQLite parts some words at them and not others, as its tables are
    older than they: what it is given together it parts as it has parted the text.
    """
    return letter.isalnum() or (letter > "\x7f" and category(letter)[0] in "MS")


def _field(parsed: Parsed, kind: Kind) -> tuple[Field, FieldType]:
    [path] = parsed.find_data("field")
    names, column = _path(path)
    return find_field(names, kind, FILTER, column)


def _path(path: Parsed) -> tuple[tuple[str, ...], int]:
    tokens = [each for each in path.children if isinstance(each, Token)]
    names = tuple(
        each[1:-1].replace('""', '"') if each.type == "QUOTED_NAME" else str(each)
        for each in tokens
    )
    return names, (tokens[0].start_pos or 0) + 1


def _tokens(parsed: Parsed) -> list[Token]:
    return [each for each in parsed.children if isinstance(each, Token)]


def _values(parsed: Parsed) -> list[Written]:
    found = [each for each in parsed.children if isinstance(each, Tree) and each.data != "field"]
    return [Written.of(each) for each in found]
