"""What an indexer does again and again, by its settings."""

from types import SimpleNamespace
from typing import cast

import pytest

from services.indexer.context import Context
from services.indexer.reconcile.periodic import EXPIRY_SECONDS, periodic_parts
from tests.support.isolation import SETTINGS


def parts(**changes: float) -> dict[str, float]:
    """The longest pause of each part, by its name."""
    settings = SETTINGS.model_copy(update=changes)
    made = periodic_parts(cast(Context, SimpleNamespace(settings=settings)))
    return {each.mark.name: each._pause_seconds for each in made}  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(("interval", "pause"), [(0.0, 60.0), (5.0, 5.0), (3600.0, 60.0)])
def test_uploads_that_are_over_end_whoever_compares(interval: float, pause: float) -> None:
    found = parts(reconcile_interval_seconds=interval)
    assert pause <= EXPIRY_SECONDS
    assert found["expire"] == pause
    assert "scrub" in found


def test_what_is_turned_off_is_not_there() -> None:
    found = parts(scrub_requests_per_second=0.0, retention_interval_seconds=0.0)
    assert found.keys() == {"expire"}
