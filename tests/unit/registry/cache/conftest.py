"""A registry in memory, and a cache of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.cache import Cache, pins
from tests.unit.client_fake import FakeRegistry

LIMIT_BYTES = 1_000_000


@pytest.fixture
def fake(serving_fake: FakeRegistry) -> FakeRegistry:
    return serving_fake


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    made = Cache(tmp_path / "cache", limit_bytes=LIMIT_BYTES)
    yield made
    pins.forget_all(made.layout.pins)
