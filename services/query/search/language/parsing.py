"""Reading a filter: text in, tree out, or an error that says where and what was expected."""

from collections.abc import Iterator
from typing import cast

from lark import Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from services.query.search.language.bounds import (
    MAX_DEPTH,
    MAX_FILTER_CHARACTERS,
    MAX_TERMS,
    MAX_VALUES,
)
from services.query.search.language.errors import FILTER, InvalidSearch
from services.query.search.language.fields import Kind
from services.query.search.language.grammar import parse, readable
from services.query.search.language.nodes import And, Node, Not, Or
from services.query.search.language.terms import read_term
from services.query.search.language.values import has_surrogates

Parsed = Tree[Token]
_LEVELS = ("disjunction", "conjunction", "inverse")


def parse_filter(text: str, kind: Kind) -> Node | None:
    """Return what a filter says of this kind, None where it is blank; raises InvalidSearch."""
    if len(text) > MAX_FILTER_CHARACTERS:
        rule = f"must be at most {MAX_FILTER_CHARACTERS} characters"
        raise InvalidSearch(FILTER, rule, MAX_FILTER_CHARACTERS + 1)
    if not text.strip():
        return None
    if "\0" in text or has_surrogates(text):
        raise InvalidSearch(FILTER, "must be Unicode without NUL", 1)
    try:
        [root] = parse(text).children
    except UnexpectedInput as error:
        raise _explained(error, text) from None
    assert isinstance(root, Tree)  # noqa: S101 - `start` has one part, which is a rule
    _check_size(root)
    return _node(root, kind)


def _explained(error: UnexpectedInput, text: str) -> InvalidSearch:
    if isinstance(error, UnexpectedToken):
        expected = readable(error.accepts or error.expected)
        token = cast("Token", error.token)  # pyright: ignore[reportUnknownMemberType] - as lark has it
        at_end = token.type == "$END"
        found = "the end" if at_end else repr(str(token)[:40])
        column = len(text) + 1 if at_end else (token.start_pos or 0) + 1
    else:
        place = error.pos_in_stream or 0
        allowed = error.allowed if isinstance(error, UnexpectedCharacters) else None
        expected = readable(allowed or ())
        found, column = repr(text[place : place + 20]), place + 1
        if text[place : place + 1] == "'":
            found += ", a text that does not end"
    rule = f"expected {_listed(expected)}, not {found}"
    return InvalidSearch(FILTER, rule, column, expected)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _check_size(root: Parsed) -> None:
    """Refuse what is too deep, before anything goes down into it, and what has too many parts."""
    terms = values = 0
    for node, depth in _walk(root):
        if node.data in _LEVELS:
            if depth > MAX_DEPTH:
                rule = f"must have at most {MAX_DEPTH} levels of AND, OR and NOT"
                raise InvalidSearch(FILTER, rule, node.meta.start_pos + 1)
            continue
        terms += 1
        values += len(node.children) - 1
        if terms > MAX_TERMS or values > MAX_VALUES:
            rule = f"must have at most {MAX_TERMS} terms and {MAX_VALUES} values"
            raise InvalidSearch(FILTER, rule, node.meta.start_pos + 1)


def _walk(root: Parsed) -> Iterator[tuple[Parsed, int]]:
    """Yield the levels and the terms, each with its depth."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        if node.data in _LEVELS:
            parts = [each for each in node.children if isinstance(each, Tree)]
            waiting += [(part, depth + 1) for part in reversed(parts)]


def _node(parsed: Parsed, kind: Kind) -> Node:
    if parsed.data not in _LEVELS:
        return read_term(parsed, kind)
    parts = [_node(each, kind) for each in parsed.children if isinstance(each, Tree)]
    if parsed.data == "inverse":
        return Not(parts[0])
    return And(parts) if parsed.data == "conjunction" else Or(parts)
