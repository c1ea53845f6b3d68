"""JSON of which two readers cannot make two things.

JSON allows a name twice in one object, and readers differ in which of the two they take: it is
refused here, at any depth. So is NaN, which compares with nothing.
"""

import json
from typing import Any, cast


class RepeatedName(ValueError):
    """A name stands twice in one object."""

    def __init__(self, name: str) -> None:
        super().__init__("must have each name once in an object")
        self.name = name


def members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members; raises RepeatedName. A hook of `json.loads`."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise RepeatedName(_first_repeated(pairs))
    return members


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    # In one pass: there may be as many names as a request has room for.
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("unreachable: some name stands twice")


def parse_object(text: str) -> dict[str, Any]:
    """Read a JSON object; raises ValueError with the rule that the text breaks."""
    found = _parse(text)
    if not isinstance(found, dict):
        raise ValueError("must be a JSON object")
    return cast("dict[str, Any]", found)


def parse_list(text: str) -> list[Any]:
    """Read a JSON list; raises ValueError with the rule that the text breaks."""
    found = _parse(text)
    if not isinstance(found, list):
        raise ValueError("must be a JSON list")
    return cast("list[Any]", found)


def _parse(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=members_once, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"must be JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError("must not be nested so deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"must not have {constant}")
