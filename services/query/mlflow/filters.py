"""MLflow's filters, read as those of our own search: terms joined by AND.

The grammar: https://mlflow.org/docs/latest/ml/model-registry/#search-for-models; clients newer than
2.21 send ``tag.`mlflow.prompt.is_prompt` != 'true'`` with each search of models.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from registry.schemas.mlflow import RUN_ID, SOURCE, entry_name
from services.query.search.language.bounds import (
    MAX_FILTER_CHARACTERS,
    MAX_TERMS,
    MAX_TEXT_CHARACTERS,
    MAX_VALUES,
    MAX_WILDCARDS,
)
from services.query.search.language.errors import FILTER, InvalidSearch
from services.query.search.language.fields import Kind
from services.query.search.language.nodes import (
    And,
    Field,
    Like,
    Node,
    Not,
    OneOf,
    Present,
    Range,
)
from services.query.search.language.values import has_surrogates

PROMPT = "mlflow.prompt.is_prompt"
"""Tag of what is no model but a prompt: what lacks it is compared as if it were 'false'."""
_NAME = r'(?:`[^`]+`|"[^"]+"|[\w.-]+)'
_TEXT = r"(?:'(?:[^']|'')*'|\"[^\"]*\")"
_NUMBER = r"[+-]?\d+"
_TERM = re.compile(
    rf"""\s*(?:(?P<group>attributes?|attr|tags?)\s*\.\s*)?(?P<name>{_NAME})\s*
    (?:(?P<operator>!=|<=|>=|=|<|>|\bLIKE\b|\bILIKE\b)\s*(?P<value>{_TEXT}|{_NUMBER})
     |\bIN\s*\(\s*(?P<values>{_TEXT}(?:\s*,\s*{_TEXT})*)\s*\))\s*""",
    re.IGNORECASE | re.VERBOSE,
)
_AND = re.compile(r"AND\b", re.IGNORECASE)
_VALUE = re.compile(_TEXT)

_ATTRIBUTES: Mapping[Kind, Mapping[str, Field]] = {
    "models": {"name": Field("name")},
    "versions": {
        "name": Field("name"),
        "version_number": Field("version"),
        "run_id": Field(f"tags.{RUN_ID}", is_entry=True),
        "source_path": Field(f"tags.{SOURCE}", is_entry=True),
    },
}


def read_filter(text: str, kind: Kind) -> Sequence[Node]:
    """Return the terms of a filter, which all must hold; raises InvalidSearch."""
    if len(text) > MAX_FILTER_CHARACTERS:
        rule = f"must be at most {MAX_FILTER_CHARACTERS} characters"
        raise InvalidSearch(FILTER, rule, MAX_FILTER_CHARACTERS + 1)
    if "\0" in text or has_surrogates(text):
        raise InvalidSearch(FILTER, "must be Unicode without NUL", 1)
    terms: list[Node] = []
    place = 0
    while text[place:].strip():
        if terms:
            joint = _AND.match(text, place)
            if joint is None:
                raise InvalidSearch(FILTER, "expected AND", place + 1, ["AND"])
            place = joint.end()
        found = _TERM.match(text, place)
        if found is None or len(terms) == MAX_TERMS:
            rule = "expected a term such as name = 'churn', up to 100 of them"
            raise InvalidSearch(FILTER, rule, place + 1, ["name = 'churn'", "tags.`a.b` = 'c'"])
        terms.append(_term(found, kind))
        place = found.end()
    return terms


def equal_name(terms: Sequence[Node]) -> str | None:
    """Return the one model's name that a filter asks for, if it does."""
    for each in terms:
        if isinstance(each, OneOf) and each.field == Field("name") and len(each.values) == 1:
            return str(each.values[0])
    return None


def _term(found: re.Match[str], kind: Kind) -> Node:
    column = found.start("name") + 1
    name = _unquoted(found["name"])
    is_tag = (found["group"] or "").lower().startswith("tag")
    if is_tag:
        field = Field(f"tags.{entry_name(name)}", is_entry=True)
    elif (known := _ATTRIBUTES[kind].get(name)) is not None:
        field = known
    else:
        names = [*_ATTRIBUTES[kind], "tags.NAME"]
        rule = f"has no {name[:60]!r}; {kind} have {', '.join(names)}"
        raise InvalidSearch(FILTER, rule, column, names)
    if found["values"] is not None:
        return _one_of(field, found, column)
    operator = found["operator"].upper()
    if field.name == "version":
        return _number_term(field, operator, found["value"], column)
    if found["value"][0] not in "'\"":
        raise InvalidSearch(FILTER, "expected a text in quotes", found.start("value") + 1)
    value = _bounded(_unquoted(found["value"]), column)
    if is_tag and name == PROMPT and (operator, value) in (("!=", "true"), ("=", "false")):
        return Not(OneOf(field, ("true",)))
    return _text_term(field, operator, value, column)


def _text_term(field: Field, operator: str, value: str, column: int) -> Node:
    if operator == "=":
        return OneOf(field, (value,))
    if operator == "!=":
        return And((Present(field), Not(OneOf(field, (value,)))))
    if operator not in ("LIKE", "ILIKE"):
        raise InvalidSearch(FILTER, "texts are compared by =, !=, LIKE, ILIKE or IN", column)
    if value.count("%") + value.count("_") > MAX_WILDCARDS:
        rule = f"must have at most {MAX_WILDCARDS} of % and _ in a pattern"
        raise InvalidSearch(FILTER, rule, column)
    return Like(field, value, is_folded=operator == "ILIKE")


def _number_term(field: Field, operator: str, written: str, column: int) -> Node:
    text = _unquoted(written)
    if not re.fullmatch(_NUMBER, text, re.ASCII) or len(text) > 18:
        raise InvalidSearch(FILTER, "version_number is compared with a whole number", column)
    number = int(text)
    terms: Mapping[str, Callable[[], Node]] = {
        "=": lambda: OneOf(field, (number,)),
        "!=": lambda: Not(OneOf(field, (number,))),
        "<": lambda: Range(field, high=number, with_high=False),
        "<=": lambda: Range(field, high=number),
        ">": lambda: Range(field, low=number, with_low=False),
        ">=": lambda: Range(field, low=number),
    }
    if operator not in terms:
        raise InvalidSearch(FILTER, f"version_number is not compared by {operator}", column)
    return terms[operator]()


def _one_of(field: Field, found: re.Match[str], column: int) -> Node:
    values = [_bounded(_unquoted(each), column) for each in _VALUE.findall(found["values"])]
    if field.name == "version" or len(values) > MAX_VALUES:
        rule = f"IN takes texts, up to {MAX_VALUES} of them"
        raise InvalidSearch(FILTER, rule, column)
    return OneOf(field, values)


def _unquoted(written: str) -> str:
    if written[0] == "'":
        return written[1:-1].replace("''", "'")
    return written[1:-1] if written[0] in '`"' else written


def _bounded(text: str, column: int) -> str:
    if len(text) > MAX_TEXT_CHARACTERS:
        rule = f"must have texts of at most {MAX_TEXT_CHARACTERS} characters"
        raise InvalidSearch(FILTER, rule, column)
    return text
