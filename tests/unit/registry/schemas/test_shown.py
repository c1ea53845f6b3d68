"""How sizes and moments are shown."""

from datetime import datetime, timedelta, timezone

import pytest

from registry.schemas.shown import moment_text, size_text


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**4, "5.0 TiB")]
)
def test_sizes(count: int, told: str) -> None:
    assert size_text(count) == told


def test_a_moment_is_told_in_utc() -> None:
    at = datetime(2026, 5, 1, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2)))
    assert moment_text(at) == "2026-04-30 23:02:03"
