"""Pauses that grow with a receiver's failures, and their end."""

import random
from datetime import UTC, datetime, timedelta

from shared.domain.webhooks.backoff import Patience, retry_after

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
USUAL = Patience(2.0, 3600.0, 24 * 3600.0, 3 * 24 * 3600.0)


def test_pauses_double_are_jittered_and_never_longer_than_the_longest() -> None:
    made = random.Random(1)  # noqa: S311 - no secret
    for attempts in range(1, 200):
        whole = min(3600.0, 2.0 * 2 ** min(attempts - 1, 40))
        for _ in range(20):
            pause = USUAL.pause(attempts, made.random()).total_seconds()
            assert whole / 2 <= pause <= whole


def test_a_day_of_failures_is_some_tens_of_attempts() -> None:
    elapsed, attempts = timedelta(), 0
    while not USUAL.is_over(NOW, NOW + elapsed):
        attempts += 1
        elapsed += USUAL.pause(attempts, 0.5)
    assert 24 <= attempts <= 60
    assert elapsed < DAY + timedelta(hours=1)


def test_a_receiver_may_ask_for_a_longer_pause_and_not_for_more_than_the_longest() -> None:
    assert USUAL.pause(1, 0.0, asked=90).total_seconds() == 90
    assert USUAL.pause(1, 0.0, asked=10**6).total_seconds() == 3600
    assert USUAL.pause(12, 0.0, asked=1).total_seconds() == 1800


def test_only_a_failure_that_lasts_disables() -> None:
    assert not USUAL.is_lasting(None, NOW)
    assert not USUAL.is_lasting(NOW - 2 * DAY, NOW)
    assert USUAL.is_lasting(NOW - 3 * DAY, NOW)


def test_retry_after_is_read_in_seconds_alone() -> None:
    assert retry_after("120") == 120
    assert [retry_after(each) for each in (None, "", "-1", "1.5", "soon", "\u0661", "9" * 40)] == [
        0
    ] * 7
