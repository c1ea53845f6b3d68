"""The command `reconcile`: objects whose events were lost, found when an operator asks."""

from tests.support.admin import admin, told
from tests.support.api import Api
from tests.support.eventually import eventually
from tests.support.system import System
from tests.support.unheard import silent_bucket, write


async def known(api: Api, model: str) -> None:
    """Wait until a worker has adopted the model's folder."""

    async def look() -> bool | None:
        return (await api.query.get(f"/v1/models/{model}")).is_success or None

    await eventually(look)


async def test_a_dry_run_tells_and_changes_nothing_and_a_run_repairs(
    api: Api, environment: dict[str, str], system: System, model: str
) -> None:
    await write(system.settings, await silent_bucket(system), f"{model}/1/model.bin", b"bytes")

    told_only = await told(environment, "reconcile", "--dry-run")
    assert told_only["dry_run"] is True
    assert told_only["found"] >= 1
    assert await system.database.versions.count_documents({"model": model}) == 0

    repaired = await told(environment, "reconcile")
    assert repaired["dry_run"] is False
    assert repaired["found"] >= 1
    await known(api, model)
    assert (await api.version(model, 1, wait=30)).state == "ready"


async def test_a_person_is_told_line_by_line(environment: dict[str, str]) -> None:
    done = await admin(environment, "reconcile", "--dry-run")
    assert (done.status, done.err) == (0, "")
    lines = dict(line.rsplit(maxsplit=1) for line in done.out.splitlines())
    assert lines["dry run"] == "yes"
    assert lines["objects"].isdecimal()
