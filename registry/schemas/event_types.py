"""Types of model events as people name them, wherever events are asked for."""

from collections.abc import Sequence
from typing import get_args

from registry.schemas.events import EventType

EVENT_TYPES: tuple[str, ...] = get_args(EventType)


def event_types(value: str) -> tuple[str, ...]:
    """Return the types that a text stands for.

    It is a type's name, a part that only it has (`version.ready`, `ready`), or the beginning of
    several and `.*` (`alias.*`). Raises ValueError, naming the types, where it stands for none.
    """
    if value.endswith(".*"):
        found = [each for each in EVENT_TYPES if _begins(each, value[:-1])]
        if found:
            return tuple(found)
    else:
        found = [each for each in EVENT_TYPES if value in _names_of(each)]
        if len(found) == 1:
            return tuple(found)
    told = "stands for several" if found else "is none"
    shown = ", ".join(short_type(each) for each in EVENT_TYPES)
    raise ValueError(f"must be a type of events: {value[:80]!r} {told} of {shown}")


def expanded_types(values: Sequence[str]) -> list[str]:
    """Return the types that texts stand for, each once; raises ValueError as `event_types`."""
    return list(dict.fromkeys(found for each in values for found in event_types(each)))


def short_type(full: str) -> str:
    """Return a type without what all have: `version.ready`."""
    return full.removeprefix("registry.").removesuffix(".v1")


def _begins(full: str, beginning: str) -> bool:
    return full.startswith(beginning) or short_type(full).startswith(beginning)


def _names_of(full: str) -> tuple[str, ...]:
    short = short_type(full)
    return full, short, short.rpartition(".")[2]
