"""Values as a filter writes them, read as the type of the field that they are compared with."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from lark import Token, Tree

from services.query.search.language.bounds import MAX_TEXT_CHARACTERS
from services.query.search.language.errors import FILTER, InvalidSearch
from services.query.search.language.fields import FieldType
from services.query.search.language.nodes import Scalar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Written:
    """A value as it stands in the filter."""

    form: str
    """string, number, moment, boolean, or word: a text without quotes."""
    text: str
    """Without the quotes."""
    column: int

    @classmethod
    def of(cls, parsed: Tree[Token]) -> Self:
        """Return the value of a part that the parser has made."""
        tokens = [each for each in parsed.children if isinstance(each, Token)]
        text = ".".join(tokens)
        if parsed.data == "string":
            text = text[1:-1].replace("''", "'")
        return cls(str(parsed.data), text, (tokens[0].start_pos or 0) + 1)


def read_value(written: Written, of_type: FieldType, name: str) -> Scalar:
    """Return the value as this type; raises InvalidSearch."""
    if of_type == "text":
        return text_of(written)
    if of_type == "moment":
        return milliseconds(_moment(written, name))
    if written.form == "number":
        return _number(written)
    if of_type == "number":
        raise InvalidSearch(
            FILTER, f"{name} is compared with a number", written.column, ["a number"]
        )
    if written.form == "boolean":
        return written.text.lower() == "true"
    return text_of(written)


def text_of(written: Written) -> str:
    """Return the value as a text, as it is written: `label = 1.0` needs no quotes."""
    if len(written.text) > MAX_TEXT_CHARACTERS:
        rule = f"must have texts of at most {MAX_TEXT_CHARACTERS} characters"
        raise InvalidSearch(FILTER, rule, written.column)
    return written.text


def has_surrogates(text: str) -> bool:
    """Whether a text has lone surrogates, which JSON can spell and SQLite does not take."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def comparable(value: Scalar, written: Written) -> str | int | float:
    """Return a value that has an order; raises InvalidSearch for true and false."""
    if isinstance(value, bool):
        raise InvalidSearch(FILTER, "true and false have no order", written.column)
    return value


def milliseconds(moment: datetime) -> int | float:
    """Return a moment as milliseconds since 1970; records have whole ones alone."""
    whole, rest = divmod(moment - _EPOCH, _MILLISECOND)
    return whole + rest / _MILLISECOND if rest else whole


def _moment(written: Written, name: str) -> datetime:
    expected = "a time such as 2026-11-01T00:00:00Z"
    try:
        moment = datetime.fromisoformat(written.text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        rule = f"{name} is compared with {expected}"
        raise InvalidSearch(FILTER, rule, written.column, [expected]) from None


def _number(written: Written) -> int | float:
    text = written.text
    if text.lstrip("+-").isdigit():
        if len(text) <= 20 and -(2**63) <= (whole := int(text)) < 2**63:
            return whole
        raise InvalidSearch(FILTER, "must have integers of at most 64 bits", written.column)
    if not math.isfinite(number := float(text)):
        raise InvalidSearch(FILTER, "must have finite numbers", written.column)
    return number
