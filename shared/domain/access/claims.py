"""From the claims of a verified token to grants: rules, and nothing else."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from shared.domain.access.grants import Grant
from shared.domain.access.issuers import ClaimRule, Condition


def granted(rules: Iterable[ClaimRule], claims: Mapping[str, Any]) -> tuple[Grant, ...]:
    """Return the grants of every rule that the claims fulfil, each once."""
    texts = (text for rule in rules if fulfils(claims, rule) for text in rule.grants)
    return tuple(Grant.parse(text) for text in dict.fromkeys(texts))


def fulfils(claims: Mapping[str, Any], rule: ClaimRule) -> bool:
    """Whether the claims fulfil all conditions of a rule."""
    return all(_fulfils_one(claims, place, wanted) for place, wanted in rule.claims.items())


def matches_pattern(pattern: str, text: str) -> bool:
    """Whether a text is one that the pattern stands for; each `*` is any run of characters.

    Each piece between two stars is looked for once, from where the one before it ended, so the
    time grows with the lengths and not with the number of stars.
    """
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    end = len(text) - len(last)
    if not (text.startswith(first) and text.endswith(last)) or len(first) > end:
        return False
    at = len(first)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def claim_at(claims: Mapping[str, Any], place: str) -> Any:  # whatever JSON can say
    """Return a claim by its name, or one inside another by its path; None where there is none.

    A path begins with a slash and names each step: `/realm_access/roles`. As in RFC 6901, `~1`
    stands for a slash within a name, and `~0` for `~`.
    """
    if not place.startswith("/"):
        return claims.get(place)
    found: Any = claims
    for step in place[1:].split("/"):
        if not isinstance(found, Mapping):
            return None
        inner = cast("Mapping[str, Any]", found)  # names are texts in JSON
        found = inner.get(step.replace("~1", "/").replace("~0", "~"))
    return found


def _fulfils_one(claims: Mapping[str, Any], place: str, wanted: Condition) -> bool:
    found = claim_at(claims, place)
    if isinstance(found, list):  # any of it
        return any(_is_wanted(value, wanted) for value in cast("list[object]", found))
    return _is_wanted(found, wanted)


def _is_wanted(value: object, wanted: Condition) -> bool:
    if isinstance(wanted, str):
        return isinstance(value, str) and matches_pattern(wanted, value)
    # By type as well: to Python, True is 1.
    return type(value) is type(wanted) and value == wanted
