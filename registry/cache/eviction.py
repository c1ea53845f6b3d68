"""Which versions leave the cache: those that were not used for the longest time. No I/O."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """What one entry of the cache holds."""

    key: str
    used_at: float
    """When somebody asked for it last, in seconds."""
    is_used: bool
    """A process that runs has asked for it: it stays."""
    blobs: frozenset[str]
    """Names of the files of its own and of others' that it needs."""
    own_bytes: int = 0
    """What leaves with it in any case: parts of an interrupted fetch, copies."""


def choose(
    holdings: Sequence[Holding], blobs: Mapping[str, int], limit_bytes: int
) -> tuple[list[str], int]:
    """Return the entries that have to leave, and the bytes that are left then.

    `blobs` are the bytes of every file that is there; one that no entry needs leaves in any case.
    What is left is above the limit only where it is in use.
    """
    needed = Counter(name for holding in holdings for name in holding.blobs if name in blobs)
    left = sum(blobs[name] for name in needed) + sum(each.own_bytes for each in holdings)
    gone: list[Holding] = []
    for holding in sorted(holdings, key=lambda each: (each.used_at, each.key)):
        if left <= limit_bytes:
            break
        if holding.is_used:
            continue
        left -= holding.own_bytes
        for name in holding.blobs & needed.keys():
            needed[name] -= 1
            if not needed[name]:
                left -= blobs[name]
                del needed[name]
        gone.append(holding)
    # Who shares all of its bytes with what stays has freed nothing, and stays as well.
    leaving = [
        each
        for each in gone
        if each.own_bytes or any(name in blobs and name not in needed for name in each.blobs)
    ]
    return [each.key for each in leaving], left
