"""The grammar of filters, for lark, and what its parts are called in errors."""

from collections.abc import Iterable, Mapping

from lark import Lark, Token, Tree

GRAMMAR = r"""
start: disjunction
?disjunction: conjunction (OR conjunction)*
?conjunction: negation (AND negation)*
?negation: NOT negation -> inverse
    | "(" disjunction ")"
    | term
?term: field COMPARISON value -> comparison
    | field NOT? (LIKE | ILIKE) value -> matching
    | field NOT? IN "(" value ("," value)* ")" -> membership
    | field NOT? BETWEEN value AND value -> between
    | field IS NOT? NULL -> missing
    | field HAS value -> having
field: NAME ("." (NAME | QUOTED_NAME))*
value: STRING -> string
    | NUMBER -> number
    | MOMENT -> moment
    | (TRUE | FALSE) -> boolean
    | NAME ("." NAME)* -> word

COMPARISON: "!=" | "<=" | ">=" | "=" | "<" | ">"
AND.2: /AND(?![\w-])/i
OR.2: /OR(?![\w-])/i
NOT.2: /NOT(?![\w-])/i
LIKE.2: /LIKE(?![\w-])/i
ILIKE.2: /ILIKE(?![\w-])/i
IN.2: /IN(?![\w-])/i
BETWEEN.2: /BETWEEN(?![\w-])/i
IS.2: /IS(?![\w-])/i
NULL.2: /NULL(?![\w-])/i
HAS.2: /HAS(?![\w-])/i
TRUE.2: /TRUE(?![\w-])/i
FALSE.2: /FALSE(?![\w-])/i
NAME: /[^\W\d][\w-]*/
QUOTED_NAME: /"(?:[^"]|"")+"/
STRING: /'(?:[^']|'')*'/
MOMENT.3: /\d{4}-\d\d-\d\d([Tt]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)?)?(?![\w.])/
NUMBER.1: /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/
%ignore /\s+/
"""

_PARSER = Lark(GRAMMAR, parser="lalr", lexer="contextual", propagate_positions=True)

_NAMES: Mapping[str, str] = {
    "COMPARISON": "= != < <= > >=",
    "NAME": "a name",
    "QUOTED_NAME": 'a name in "double quotes"',
    "STRING": "a text in 'single quotes'",
    "NUMBER": "a number",
    "MOMENT": "a time such as 2026-11-01T00:00:00Z",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "DOT": ".",
    "TRUE": "true",
    "FALSE": "false",
    "$END": "the end",
}


def readable(terminals: Iterable[str]) -> list[str]:
    """Return what a person calls these terminals, in one order."""
    return sorted({_NAMES.get(each, each) for each in terminals})


def parse(text: str) -> Tree[Token]:
    """Return what the parser makes of a text; raises lark's UnexpectedInput."""
    return _PARSER.parse(text)  # pyright: ignore[reportUnknownMemberType] - lark's is untyped
