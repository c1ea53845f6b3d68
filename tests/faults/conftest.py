"""Servers of the suite's own, since it kills them, and a registry for each scenario."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest

from tests.faults.harness.outages import Servers, own_servers
from tests.faults.harness.running_registry import Harness, running_registry

LOGGED_LINES = 40
"""Of each service, shown where a test fails."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the services said: the folder of their logs is gone when somebody looks."""
    report = yield
    found = getattr(item, "funcargs", {}).get("registry")
    if report.when == "call" and report.failed and isinstance(found, Harness):
        for service in found.services:
            told = "\n".join(service.output().splitlines()[-LOGGED_LINES:])
            report.sections.append((f"log of {service.log.name}", told))
    return report


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
