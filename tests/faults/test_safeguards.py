"""Each safeguard is needed: with it a scenario ends well, without it the checker finds it.

Were the second half of these tests to pass the checker, the suite could not see what it is for.
"""

from collections.abc import Awaitable, Callable

import pytest

from tests.faults.harness.running_registry import Harness
from tests.faults.harness.scenarios import (
    late_adopter,
    late_complete,
    late_reader,
    late_verdict,
    one_number_twice,
    one_upload_twice,
)

pytestmark = pytest.mark.servers

Scenario = Callable[..., Awaitable[list[str]]]

SCENARIOS: dict[str, tuple[Scenario, str]] = {
    "state": (late_verdict, "is ready ['upload_aborted'], not rejected"),
    "token": (late_reader, "is not one ready version"),
    "key": (one_number_twice, "was given 2 times"),
    "handle": (one_upload_twice, "is 2 versions"),
    "folder": (late_adopter, "is 1 versions, not one with all its 2 files"),
    "end": (late_complete, "is rejected ['upload_aborted'], not ready"),
}
"""By safeguard: the scenario that needs it, and what the checker finds without it."""


@pytest.mark.parametrize("safeguard", SCENARIOS)
async def test_a_scenario_leaves_nothing_wrong(registry: Harness, safeguard: str) -> None:
    scenario, _ = SCENARIOS[safeguard]
    assert await scenario(registry) == []


@pytest.mark.parametrize("safeguard", SCENARIOS)
async def test_without_its_safeguard_the_checker_finds_it(
    registry: Harness, safeguard: str
) -> None:
    scenario, finding = SCENARIOS[safeguard]
    found = await scenario(registry, f"without:{safeguard}")
    assert any(finding in violation for violation in found), found
