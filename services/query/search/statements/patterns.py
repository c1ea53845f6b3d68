"""Patterns of LIKE as those of SQLite's GLOB, which tells upper from lower case.

No earlier % is tried again once a later one cannot match, so that a text of n characters
and a pattern of m take at most n times m steps (`patternCompare` in SQLite's func.c).
"""

_MEANT = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
_HIGHEST = "\U0010ffff"


def glob_of(pattern: str) -> str:
    """Return the pattern for GLOB."""
    return "".join(_MEANT.get(letter, letter) for letter in pattern)


def prefix_of(pattern: str) -> str:
    """Return what each text that matches begins with."""
    ends = [place for place in (pattern.find("%"), pattern.find("_")) if place >= 0]
    return pattern[: min(ends, default=len(pattern))]


def after_prefix(prefix: str) -> str | None:
    """Return the lowest text above all that begin with this; None where there is none."""
    rest = prefix.rstrip(_HIGHEST)
    if not rest:
        return None
    following = ord(rest[-1]) + 1
    return rest[:-1] + chr(0xE000 if following == 0xD800 else following)  # no surrogates
