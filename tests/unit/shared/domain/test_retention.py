"""What retention keeps and removes, held against a naive reading of the rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import Retention
from shared.domain.retention import Judged, Judgement, judge

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
STATES = ("ready", "ready", "ready", "pending", "verifying", "rejected", "missing")
TAGS = ("release", "keep", "team")

ages = st.integers(0, 40 * 24).map(lambda hours: timedelta(hours=hours))


@st.composite
def versions(draw: st.DrawFn) -> list[Judged]:
    numbers = draw(st.lists(st.integers(1, 60), unique=True, max_size=15))
    found: list[Judged] = []
    for number in numbers:
        state = draw(st.sampled_from(STATES))
        created = NOW - draw(ages)
        tags = draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=2))
        found.append(
            Judged(
                number,
                state,
                created + timedelta(hours=1) if state in ("ready", "missing") else None,
                created,
                draw(st.lists(st.sampled_from(["production", "staging"]), unique=True, max_size=2)),
                dict.fromkeys(tags, "x"),
                draw(st.booleans()) and draw(st.booleans()),
            )
        )
    return found


rules = st.builds(
    Retention,
    keep_last_ready=st.integers(1, 8),
    keep_younger_than_days=st.none() | st.integers(1, 40),
    keep_with_tags=st.lists(st.sampled_from(TAGS), unique=True, max_size=2),
)


def naive(version: Judged, every: list[Judged], rule: Retention) -> set[str]:
    """All that keeps a version, as a person would look for it."""
    if version.state != "ready":
        return {"not_ready"}
    kept: set[str] = set()
    if version.is_held:
        kept.add("held")
    newer = [each for each in every if each.state == "ready" and each.number > version.number]
    if len(newer) < rule.keep_last_ready:
        kept.add("keep_last_ready")
    if version.aliases:
        kept.add("keep_aliased")
    assert version.ready_at is not None
    days = rule.keep_younger_than_days
    if days is not None and version.ready_at + timedelta(days=days) > NOW:
        kept.add("keep_younger_than_days")
    if any(name in (version.tags or {}) for name in rule.keep_with_tags):
        kept.add("keep_with_tags")
    return kept


@given(versions(), rules)
def test_a_version_is_kept_for_each_reason_that_a_person_would_find(
    every: list[Judged], rule: Retention
) -> None:
    judged = judge(every, rule, NOW)
    assert [each.number for each in judged] == [each.number for each in every]
    for version, found in zip(every, judged, strict=True):
        expected = naive(version, every, rule)
        codes = [each.code for each in found.why]
        assert len(set(codes)) == len(codes)
        assert found.outcome == ("kept" if expected else "removed")
        if expected:
            assert set(codes) == expected
        else:
            parts = {"keep_last_ready", "keep_aliased"}
            parts |= {"keep_younger_than_days"} if rule.keep_younger_than_days else set()
            parts |= {"keep_with_tags"} if rule.keep_with_tags else set()
            assert set(codes) == parts, "each part of the rule says why it keeps it not"
        assert all(each.detail for each in found.why)


@given(versions(), rules)
def test_what_a_rule_removes_a_second_run_does_not_change(
    every: list[Judged], rule: Retention
) -> None:
    removed = {each.number for each in judge(every, rule, NOW) if each.outcome == "removed"}
    rest = [each for each in every if each.number not in removed]
    assert {each.outcome for each in judge(rest, rule, NOW)} <= {"kept"}
    ready = [each.number for each in every if each.state == "ready"]
    assert not ready or max(ready) not in removed, "the newest ready version always stays"


@given(versions())
def test_without_a_rule_all_stay(every: list[Judged]) -> None:
    for found in judge(every, None, NOW):
        assert (found.outcome, [each.code for each in found.why]) == ("kept", ["no_rule"])


@pytest.mark.parametrize(
    ("seconds", "outcome"), [(86400, "removed"), (86399, "kept"), (86401, "removed")]
)
def test_a_day_is_over_when_it_is_over(seconds: int, outcome: str) -> None:
    since = NOW - timedelta(seconds=seconds)
    old, new = Judged(1, "ready", since, since), Judged(2, "ready", NOW, NOW)
    rule = Retention(keep_last_ready=1, keep_younger_than_days=1)
    assert judge([old, new], rule, NOW)[0].outcome == outcome


def test_an_explanation_reads_as_a_sentence() -> None:
    since = NOW - timedelta(days=30)
    old = Judged(3, "ready", since, since, (), {"team": "risk"})
    newest = Judged(4, "ready", NOW, NOW, ("production", "canary"))
    rule = Retention(keep_last_ready=1, keep_younger_than_days=7, keep_with_tags=["release"])
    removed, kept = judge([old, newest], rule, NOW)
    assert isinstance(removed, Judgement)
    assert [each.detail for each in removed.why] == [
        "by number it is ready version 2 from the newest, and the last 1 are kept",
        "no alias points at it",
        "it is ready since 2026-10-29T09:00:00+00:00, and 7 days are kept",
        "it has none of the tags release",
    ]
    assert kept.why[1].detail == "aliases point at it: canary, production"


def test_an_explanation_tells_the_first_of_many_names() -> None:
    since = NOW - timedelta(days=30)
    tags = [f"tag-{n:03}-{'x' * 240}" for n in range(100)]
    rule = Retention(keep_last_ready=1, keep_with_tags=tags)
    removed, kept = judge(
        [Judged(1, "ready", since, since), Judged(2, "ready", NOW, NOW, tags)], rule, NOW
    )
    assert removed.why[2].detail.endswith("x and 90 more")
    assert max(len(each.detail) for each in (*removed.why, *kept.why)) < 3000
