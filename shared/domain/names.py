"""What a model's name says by itself, and what a reference to a version may mean."""

import re

_NUMBERED = re.compile(r"v([1-9][0-9]{0,9})\Z")


def namespace_of(model: str) -> str | None:
    """Return what stands before the first dot of a model's name; None without one."""
    namespace, dot, _ = model.partition(".")
    return namespace if dot else None


def names_of_reference(reference: str) -> tuple[str, ...]:
    """Return what other tools' reference to a version may be here, by which wins.

    Each is a number, a label, an @alias, or "latest". A label wins over an alias of the same name,
    as a tag does over a branch; `@` says that an alias is meant.
    """
    if reference == "latest" or reference.startswith("@") or reference.isdigit():
        return (reference,)
    numbered = _NUMBERED.match(reference)
    return (reference, f"@{reference}", *((numbered[1],) if numbered else ()))
