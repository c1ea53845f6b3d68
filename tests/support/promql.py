"""What a PromQL expression asks for: the names of metrics, and the labels that it matches."""

import re
from collections.abc import Iterator

_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
_RANGE = re.compile(r"\[[^\]]*\]")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^{}]*)\})?\s*(\()?")
_MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:=~|!~|!=|=)")
_GROUPED = re.compile(r"\b(?:by|on)\s*\(([^()]*)\)")
_WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "inf", "nan"}


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric of an expression, with the labels that are matched of it."""
    bare = _RANGE.sub("", _GROUPING.sub("", _TEXT.sub('""', expression)))
    for name, matchers, is_call in _SELECTOR.findall(bare):
        if not is_call and name.lower() not in _WORDS:
            yield name, set(_MATCHER.findall(matchers))


def grouped_by(expression: str) -> set[str]:
    """Return the labels that an expression groups by."""
    found = _GROUPED.findall(_TEXT.sub('""', expression))
    return {label.strip() for group in found for label in group.split(",") if label.strip()}
