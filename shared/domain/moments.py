"""Moments of which there can be records."""

from datetime import UTC, datetime

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
END = datetime(9000, 1, 1, tzinfo=UTC)
"""No record is from before or after; some moments beyond cannot be told in UTC."""


def possible(moment: datetime) -> datetime:
    """Return a moment, or the nearest one of which there can be records: they tell the same."""
    return min(max(moment, BEGINNING), END)
