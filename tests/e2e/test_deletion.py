"""Versions put away, held, deleted, restored and purged, and what is left in storage of each."""

import pytest

from registry import AsyncModelRegistryClient
from registry.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    VersionNotReadyError,
)
from shared.runtime.settings import Settings
from shared.storage.manifests import manifest_key
from tests.support.access import client_of
from tests.support.admin import admin, told
from tests.support.api import MIB, Api, file_of
from tests.support.eventually import eventually
from tests.support.lives import keys_of, let_retention_pass, purged
from tests.support.problems import problem
from tests.support.system import System
from tests.support.topics import model_events


async def test_a_deleted_version_is_not_downloaded_and_comes_back_when_it_is_restored(
    client: AsyncModelRegistryClient, model: str, api: Api
) -> None:
    first = await client.upload(model, b"first", path="m.bin")
    second = await client.upload(model, b"second", path="m.bin")
    [signed_before] = (await client.get_downloads(model, second.number)).files
    deleted = await client.delete_version(model, second.number, reason="wrong data")
    assert (deleted.state, deleted.number) == ("deleted", second.number)
    assert deleted.deletion is not None
    assert (deleted.deletion.by, deleted.deletion.reason) == ("administrator", "wrong data")
    with pytest.raises(VersionNotReadyError):
        await client.get_downloads(model, second.number)
    assert (await client.get_version(model, "latest")).number == first.number
    # Whoever was given a URL before goes on reading.
    assert (await api.storage.get(signed_before.url)).content == b"second"
    again = await client.delete_version(model, second.number)
    assert again.deletion == deleted.deletion
    restored = await client.restore_version(model, second.number)
    assert (restored.state, restored.deletion) == ("ready", None)
    assert (await client.get_version(model, "latest")).number == second.number
    assert (await client.get_downloads(model, second.number)).files[0].path == "m.bin"
    assert (await client.restore_version(model, second.number)).sequence == restored.sequence


async def test_a_purged_version_leaves_nothing_in_storage_and_its_number_is_never_given_again(
    client: AsyncModelRegistryClient, model: str, system: System
) -> None:
    version = await client.upload(model, b"x" * (6 * MIB), path="large.bin")
    await client.delete_version(model, version.number)
    found = await purged(client, system, version)
    assert keys_of(system, model) == []
    assert system.keys(system.settings.manifest_bucket, manifest_key(model, 1)) == []
    assert await system.database.part_digests.find_one({"_id": f"{version.id}/0"}) is None
    assert (found.state, found.artifacts[0].path) == ("deleted", "large.bin")
    with pytest.raises(ConflictError, match="removed for good"):
        await client.restore_version(model, version.number)
    with pytest.raises(ConflictError):
        await client.hold_version(model, version.number)
    assert (await client.upload(model, b"next", path="m.bin")).number == 2


async def test_what_comes_by_an_old_url_after_the_purge_is_removed(
    client: AsyncModelRegistryClient, model: str, system: System, api: Api
) -> None:
    data = b"late bytes of " + model.encode()
    session = await api.open(model, file_of("m.bin", data))
    await api.put(session.files[0], data)
    version = await api.ready(session)
    await client.delete_version(model, version.number)
    await purged(client, system, version)
    await api.put(session.files[0], data)

    async def nothing_is_left() -> bool | None:
        return True if not keys_of(system, model) else None

    await eventually(nothing_is_left)


async def test_what_an_alias_points_at_or_is_held_is_not_deleted(
    client: AsyncModelRegistryClient, model: str, system: System
) -> None:
    version = await client.upload(model, b"held", path="m.bin")
    await client.set_alias(model, "production", version.number)
    with pytest.raises(ConflictError, match="@production points at it"):
        await client.delete_version(model, version.number)
    with pytest.raises(ConflictError, match="@production points at it"):
        await client.archive_version(model, version.number)
    await client.remove_alias(model, "production")
    held = await client.hold_version(model, version.number, reason="case 12")
    assert held.hold is not None
    assert held.hold.reason == "case 12"
    with pytest.raises(ConflictError, match="held by administrator: case 12"):
        await client.delete_version(model, version.number)
    assert (await client.release_version(model, version.number)).hold is None
    # One that is held after it was deleted is not purged, however long it is due.
    await client.delete_version(model, version.number)
    await client.hold_version(model, version.number)
    await let_retention_pass(system, version)
    other = await client.upload(model, b"another", path="m.bin")
    await client.delete_version(model, other.number)
    await purged(client, system, other)
    assert keys_of(system, model) == [f"{model}/1/m.bin"]
    released = await client.release_version(model, version.number)
    assert released.state == "deleted"
    await purged(client, system, version)


async def test_an_archived_version_downloads_and_is_not_the_latest(
    client: AsyncModelRegistryClient, model: str
) -> None:
    first = await client.upload(model, b"first", path="m.bin")
    second = await client.upload(model, b"second", path="m.bin")
    archived = await client.archive_version(model, second.number)
    assert archived.archived_at is not None
    assert (await client.get_version(model)).number == first.number
    assert (await client.get_downloads(model, second.number)).files
    with pytest.raises(ConflictError, match="archived"):
        await client.set_alias(model, "production", second.number)
    assert (await client.unarchive_version(model, second.number)).archived_at is None
    assert (await client.get_version(model)).number == second.number


async def test_only_a_name_that_never_moves_is_deleted_and_only_by_a_maintainer(
    client: AsyncModelRegistryClient, model: str, api: Api, settings: Settings
) -> None:
    version = await client.upload(model, b"bytes", path="m.bin", version="1.0")
    for name in ("latest", "@production"):
        with pytest.raises(InvalidRequestError, match="number or a label"):
            await client.delete_version(model, name)
    with pytest.raises(NotFoundError):
        await client.delete_version(model, 9)
    open_one = await api.open(model, file_of("m.bin", b"never sent"))
    answer = await api.ingest.delete(f"/v1/models/{model}/versions/{open_one.number}")
    assert problem(answer, 409, "version_under_way")
    writer = await api.token(f"writer:{model}")
    async with client_of(settings, writer.token) as limited:
        with pytest.raises(AccessDeniedError, match="maintainer"):
            await limited.delete_version(model, version.number)
    assert (await client.delete_version(model, "1.0")).state == "deleted"


async def test_whoever_deletes_is_told_what_was_made_from_it(
    client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, f"base of {model}".encode(), path="m.bin")
    child = f"{model}-child"
    await client.upload(
        child, f"made from {model}".encode(), path="m.bin", lineage={"parents": [f"{model}@1"]}
    )
    deleted = await client.delete_version(model, 1)
    assert (deleted.state, deleted.children) == ("deleted", [f"{child}@1"])
    assert not deleted.more_children


async def test_each_step_is_told_in_the_models_order(
    client: AsyncModelRegistryClient, model: str, system: System
) -> None:
    version = await client.upload(model, b"told", path="m.bin")
    await client.archive_version(model, 1)
    await client.unarchive_version(model, 1)
    await client.hold_version(model, 1)
    await client.release_version(model, 1)
    await client.delete_version(model, 1)
    await client.restore_version(model, 1)
    await client.delete_version(model, 1)
    await purged(client, system, version)
    settings = system.settings
    events = await model_events(
        settings.kafka_bootstrap_servers, settings.kafka_model_events_topic, model, "purged"
    )
    kinds = [event.type.removeprefix("registry.version.") for _, event in events]
    assert [kind.removesuffix(".v1") for kind in kinds] == [
        *("created", "ready", "archived", "unarchived", "held", "released"),
        *("deleted", "restored", "deleted", "purged"),
    ]
    assert [event.sequence for _, event in events] == list(range(1, 11))


async def test_an_operator_collects_what_is_due_and_sees_who_uses_how_much(
    client: AsyncModelRegistryClient, model: str, system: System, environment: dict[str, str]
) -> None:
    namespace = model.replace("-", "")
    ours, other = f"{namespace}.a", f"{namespace}.b"
    await client.upload(ours, b"x" * 100, path="m.bin")
    await client.upload(other, b"x" * 100, path="m.bin")
    version = await client.upload(ours, f"only of {model}".encode(), path="m.bin")

    async def used() -> dict[str, int]:
        done = await admin(environment, "usage", "--json")
        [found] = [each for each in done.documents if each["namespace"] == namespace]
        return {name: found[name] for name in found if name.endswith("_bytes")}

    own = version.size_bytes
    before = await used()
    # Others may have stored the hundred bytes before: then none of these two has them.
    stored = before["stored_bytes"] - own
    assert before["logical_bytes"] == 200 + own
    assert (stored, before["shared_bytes"]) in ((100, 100), (0, 200))
    await client.delete_version(ours, version.number)
    assert await used() == {**before, "deleted_bytes": own}
    told_dry = await told(environment, "collect", "--dry-run")
    assert ours not in [each["model"] for each in told_dry["versions"]]
    await purged(client, system, version)
    assert (await told(environment, "collect"))["errors"] == []
    assert await used() == {
        **before,
        "logical_bytes": 200,
        "stored_bytes": stored,
    }
