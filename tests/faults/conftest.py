"""Servers of the suite's own, since it kills them, and a registry for each scenario."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.harness.outages import Servers, own_servers
from tests.faults.harness.running_registry import Harness, running_registry


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults",
        choices=("short", "long"),
        default="short",
        help="how much the faults suite does",
    )


@pytest.fixture(scope="session")
def long_form(request: pytest.FixtureRequest) -> bool:
    """Whether outages last as long as real ones, and loads are large."""
    return request.config.getoption("--faults", default="short") == "long"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with own_servers() as started:
        yield started


@pytest.fixture
async def registry(servers: Servers, tmp_path: Path) -> AsyncIterator[Harness]:
    """A registry whose services are not started yet."""
    async with running_registry(servers, tmp_path) as harness:
        yield harness
