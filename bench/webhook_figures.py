"""What came of webhooks: counted from what receivers saw, whoever sent it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

Change = tuple[str, int]
"""A model, and which of its changes it was, in their order."""


@dataclass(frozen=True)
class Seen:
    """A request that told a receiver of a change."""

    change: Change
    id: str
    """The delivery's, as its header tells."""
    is_taken: bool
    """Whether it was answered 2xx."""
    at: float
    """Seconds of a clock."""


@dataclass(frozen=True)
class Figures:
    """What came of the changes, in all."""

    requests: int
    lost: int
    """Changes whose maker was told that they are made, and that were never taken."""
    out_of_order: int
    """Changes that were taken first when a later one of their model had been."""
    again_same_id: int
    """Requests for a change that had been seen, with an id that it had."""
    again_other_id: int
    delays: Sequence[float]
    """Seconds from the answer to who made the change until it was taken first."""


def count(answered: Mapping[Change, float], seen: Sequence[Seen]) -> Figures:
    """Count; `answered` tells when each change was answered, `seen` is in the order of arrival.

    A change that is not in `answered`, since its maker was told nothing, may come or not.
    """
    ids: dict[Change, set[str]] = {}
    taken: dict[Change, float] = {}
    newest: dict[str, int] = {}
    out_of_order = same = other = 0
    for each in seen:
        known = ids.setdefault(each.change, set())
        same += each.id in known
        other += bool(known) and each.id not in known
        known.add(each.id)
        if each.is_taken and each.change not in taken:
            taken[each.change] = each.at
            model, number = each.change
            out_of_order += number < newest.get(model, number)
            newest[model] = max(number, newest.get(model, number))
    delays = [max(taken[change] - at, 0.0) for change, at in answered.items() if change in taken]
    lost = len(answered.keys() - taken.keys())
    return Figures(len(seen), lost, out_of_order, same, other, delays)


def together(each: Collection[Figures]) -> Figures:
    """What several receivers saw."""
    return Figures(
        sum(one.requests for one in each),
        sum(one.lost for one in each),
        sum(one.out_of_order for one in each),
        sum(one.again_same_id for one in each),
        sum(one.again_other_id for one in each),
        list(chain.from_iterable(one.delays for one in each)),
    )
