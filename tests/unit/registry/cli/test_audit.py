"""Times as `registry audit` takes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import typer

from registry.cli.audit import read_moment

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("90s", NOW - timedelta(seconds=90)),
        ("2026-11-28", datetime(2026, 11, 28, tzinfo=UTC)),
        ("2026-11-28T09:30:00Z", datetime(2026, 11, 28, 9, 30, tzinfo=UTC)),
        ("2026-11-28T09:30:00", datetime(2026, 11, 28, 9, 30, tzinfo=UTC)),
        (
            "2026-11-28T09:30:00+02:00",
            datetime(2026, 11, 28, 9, 30, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_a_time_is_read(text: str, moment: datetime) -> None:
    assert read_moment("--since", text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7w", "d", "-1d", "999999d", "2026-13-01"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="--since takes a time"):
        read_moment("--since", text, NOW)


def test_without_a_text_there_is_no_bound() -> None:
    assert read_moment("--since", None) is None
