"""Which versions of a model its rule of retention keeps, and why. Pure.

It judges versions that are ready. All others stay: those that may still become ready, those that
were rejected, which tell why, and missing ones, whose objects may come back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from registry.schemas import Retention

Outcome = Literal["kept", "removed"]
MOST_TOLD = 10
"""Names of tags or aliases that one reason tells."""


@dataclass(frozen=True, slots=True)
class Judged:
    """As much of a version as retention needs."""

    number: int
    state: str
    ready_at: datetime | None
    created_at: datetime
    aliases: Sequence[str] = ()
    tags: Mapping[str, str] | None = None
    is_held: bool = False
    """Whether a legal hold keeps it."""


@dataclass(frozen=True, slots=True)
class Because:
    """One reason why a version stays, or why it goes."""

    code: str
    """Stable: `no_rule`, `not_ready`, `held`, or the part of the rule."""
    detail: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a version. Of one that is kept all that keeps it, of one that is removed
    each part of the rule that does not."""

    number: int
    outcome: Outcome
    why: tuple[Because, ...]


def judge(versions: Iterable[Judged], rule: Retention | None, now: datetime) -> list[Judgement]:
    """Judge each version, in the order given; without a rule all are kept.

    `now` is the database's time. The versions are all of one model's that are not deleted: which
    the last ones are is told by their numbers.
    """
    every = list(versions)
    if rule is None:
        return [
            Judgement(each.number, "kept", (Because("no_rule", "no rule of retention applies"),))
            for each in every
        ]
    ready = sorted((each.number for each in every if each.state == "ready"), reverse=True)
    place = {number: index for index, number in enumerate(ready, 1)}
    return [judge_one(each, rule, now, place.get(each.number)) for each in every]


def judge_one(version: Judged, rule: Retention, now: datetime, place: int | None) -> Judgement:
    """Judge one version by its place among ready ones, 1 the newest's; None: it is not ready."""
    if place is None:
        why = Because("not_ready", f"it is {version.state}: only ready versions are removed")
        return Judgement(version.number, "kept", (why,))
    keeping, missing = _sides(version, rule, now, place)
    if keeping:
        return Judgement(version.number, "kept", tuple(keeping))
    return Judgement(version.number, "removed", tuple(missing))


def _sides(
    version: Judged, rule: Retention, now: datetime, place: int
) -> tuple[list[Because], list[Because]]:
    """Return what keeps a ready version, and what does not; `place` 1 is the newest one's."""
    keeping: list[Because] = []
    missing: list[Because] = []

    def ask(keeps: bool, code: str, yes: str, no: str) -> None:
        (keeping if keeps else missing).append(Because(code, yes if keeps else no))

    if version.is_held:
        keeping.append(Because("held", "it is held"))
    last = rule.keep_last_ready
    told = f"by number it is ready version {place} from the newest, and the last {last} are kept"
    ask(place <= last, "keep_last_ready", told, told)
    told = f"aliases point at it: {_some(sorted(version.aliases))}"
    ask(bool(version.aliases), "keep_aliased", told, "no alias points at it")
    if (days := rule.keep_younger_than_days) is not None:
        since = version.ready_at or version.created_at
        told = f"it is ready since {since.isoformat(timespec='seconds')}, and {days} days are kept"
        ask(now - since < timedelta(days=days), "keep_younger_than_days", told, told)
    if wanted := rule.keep_with_tags:
        tags = [name for name in wanted if name in (version.tags or {})]
        yes, no = (
            f"it has the tags {_some(tags)}",
            f"it has none of the tags {_some(wanted)}",
        )
        ask(bool(tags), "keep_with_tags", yes, no)
    return keeping, missing


def _some(names: Sequence[str]) -> str:
    """Return the first of the names: versions keep why they were deleted, and events tell it."""
    told = ", ".join(names[:MOST_TOLD])
    return f"{told} and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else told
