"""`python -m services.admin migrate`: indexes that are missing, built when an operator asks."""

from typing import Any

from tests.support.admin import admin, told
from tests.support.system import System


async def test_a_missing_index_is_built_and_told(
    environment: dict[str, str], system: System
) -> None:
    drop: Any = system.database.strays.driver.drop_index
    await drop("last_seen_at_1")
    report = await told(environment, "migrate")
    assert report["built"] == ["strays.last_seen_at_1"]
    assert "versions.model_1_number_-1" in report["present"]

    done = await admin(environment, "migrate")
    assert (done.status, done.err) == (0, "")
    assert "there already: strays.last_seen_at_1" in done.out.splitlines()
