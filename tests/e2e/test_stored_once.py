"""Bytes that are stored already: not sent again, copied without a byte, and kept while needed."""

import os
from pathlib import Path

import pytest

from registry import AsyncModelRegistryClient
from registry.errors import AccessDeniedError, ConflictError, NotFoundError, VersionNotReadyError
from shared.runtime.settings import Settings
from tests.support.access import client_of
from tests.support.api import MIB, Api, file_of, sha256_of
from tests.support.eventually import eventually
from tests.support.lives import confirmed, keys_of, purged
from tests.support.system import System


@pytest.mark.parametrize("size", [1000, 11 * MIB], ids=["one PUT", "parts"])
async def test_the_same_bytes_under_another_model_are_not_sent_and_stored_once(
    client: AsyncModelRegistryClient, model: str, system: System, size: int, api: Api
) -> None:
    data, other = os.urandom(size), f"{model}-b"
    first = await confirmed(client, await client.upload(model, data, path="m.bin"))
    second = await client.upload(other, data, path="renamed.bin", tags={"a": "b"})
    assert (second.state, second.tags) == ("ready", {"a": "b"})
    [artifact] = second.artifacts
    assert (artifact.key, artifact.location) == (f"{other}/1/renamed.bin", f"{model}/1/m.bin")
    assert artifact.sha256 == first.artifacts[0].sha256
    assert keys_of(system, other) == []
    assert await api.download(other, 1, "renamed.bin") == data
    [file] = (await client.get_downloads(other, 1)).files
    assert len(file.part_sha256) == (1 if size == 1000 else 3)
    # The same call again finds the same version.
    again = await client.upload(other, data, path="renamed.bin", tags={"a": "b"})
    assert again.id == second.id


async def test_other_bytes_of_a_known_size_are_sent(
    client: AsyncModelRegistryClient, model: str, system: System
) -> None:
    size = 6 * MIB
    await confirmed(client, await client.upload(model, os.urandom(size), path="m.bin"))
    second = await client.upload(model, os.urandom(size), path="m.bin")
    assert second.artifacts[0].location is None
    assert len(keys_of(system, model)) == 2


async def test_of_a_folder_only_what_is_new_is_sent(
    client: AsyncModelRegistryClient,
    model: str,
    system: System,
    tmp_path: Path,
) -> None:
    (tmp_path / "weights.bin").write_bytes(os.urandom(5000))
    (tmp_path / "config.json").write_text(f'{{"step": 1, "of": "{model}"}}')
    await client.upload(model, tmp_path)
    (tmp_path / "config.json").write_text(f'{{"step": 2, "of": "{model}"}}')
    await client.upload(model, tmp_path)
    assert sorted(keys_of(system, model)) == [
        *(f"{model}/1/config.json", f"{model}/1/weights.bin"),
        f"{model}/2/config.json",
    ]


async def test_who_may_not_read_the_bytes_has_to_send_them(
    client: AsyncModelRegistryClient, model: str, system: System, api: Api, settings: Settings
) -> None:
    data, own = os.urandom(1000), f"{model}-own"
    await client.upload(model, data, path="m.bin")
    writer = await api.token(f"writer:{own}")
    async with client_of(settings, writer.token) as limited:
        version = await limited.upload(own, data, path="m.bin")
        assert version.artifacts[0].location is None
        with pytest.raises(NotFoundError):
            await limited.copy_version(model, 1, own)
    assert keys_of(system, own) == [f"{own}/1/m.bin"]
    reader = await api.token(f"reader:{model}")
    async with client_of(settings, reader.token) as limited:
        with pytest.raises((AccessDeniedError, NotFoundError)):
            await limited.copy_version(model, 1, own)


async def test_plain_uploads_send_what_they_declare(api: Api, model: str) -> None:
    """Whoever does not ask for it is given an URL for every file, as ever."""
    data = os.urandom(1000)
    for number in (1, 2):
        session = await api.open(model, file_of("m.bin", data))
        assert not session.files[0].uploaded
        await api.put(session.files[0], data)
        assert (await api.ready(session)).number == number


async def test_a_copy_has_the_same_files_and_metadata_and_moves_no_byte(
    client: AsyncModelRegistryClient, model: str, system: System, api: Api
) -> None:
    data, other = os.urandom(11 * MIB), f"{model}-promoted"
    source = await client.upload(model, data, path="m.bin", metrics={"auc": 0.9}, version="1.0")
    await client.set_alias(model, "production", 1)
    copied = await client.copy_version(model, "@production", other, to_version="from-1.0")
    assert (copied.model, copied.number, copied.label) == (other, 1, "from-1.0")
    assert (copied.state, copied.metrics, copied.aliases) == ("ready", {"auc": 0.9}, [])
    assert keys_of(system, other) == []
    assert await api.download(other, 1, "m.bin") == data
    assert (await client.get_version(other)).number == 1
    key = "one-request"
    twice = [await client.copy_version(model, 1, other, idempotency_key=key) for _ in range(2)]
    assert twice[0].id == twice[1].id
    of_copy = await client.copy_version(other, 1, other)
    assert of_copy.artifacts[0].location == source.artifacts[0].key
    found = await confirmed(client, of_copy)
    assert found.artifacts[0].sha256 == sha256_of(data)


async def test_a_copy_is_found_again_by_its_key_whatever_became_of_what_was_copied(
    client: AsyncModelRegistryClient, model: str
) -> None:
    other, key = f"{model}-promoted", "asked-again"
    for data in (b"first", b"second"):
        await client.upload(model, os.urandom(100) + data, path="m.bin")
    await client.set_alias(model, "production", 1)
    copied = await client.copy_version(model, "@production", other, idempotency_key=key)
    await client.set_alias(model, "production", 2)
    await client.delete_version(model, 1)
    again = await client.copy_version(model, "@production", other, idempotency_key=key)
    assert (again.id, again.state) == (copied.id, "ready")
    await client.remove_alias(model, "production")
    await client.delete_version(other, 1)
    gone = await client.copy_version(model, "@production", other, idempotency_key=key)
    assert (gone.id, gone.state) == (copied.id, "deleted")


async def test_a_copy_is_of_what_an_alias_pointed_at_at_a_moment(
    client: AsyncModelRegistryClient, model: str
) -> None:
    first, _ = [await client.upload(model, os.urandom(100), path="m.bin") for _ in range(2)]
    at = (await client.set_alias(model, "production", 1)).at
    await client.set_alias(model, "production", 2)
    copied = await client.copy_version(model, f"@production?at={at.isoformat()}", f"{model}-b")
    assert copied.artifacts[0].sha256 == first.artifacts[0].sha256
    with pytest.raises(NotFoundError, match="has no alias"):
        await client.copy_version(model, "@production?at=2001-01-01T00:00:00Z", f"{model}-b")


async def test_bytes_stay_as_long_as_a_version_refers_to_them(
    client: AsyncModelRegistryClient, model: str, system: System, api: Api
) -> None:
    data, other = os.urandom(2000), f"{model}-b"
    first = await client.upload(model, data, path="m.bin")
    second = await client.upload(other, data, path="m.bin")
    await client.delete_version(model, 1)
    await purged(client, system, first)
    assert keys_of(system, model) == [f"{model}/1/m.bin"]
    assert await api.download(other, 1, "m.bin") == data
    # They are there, so a third version may have them, too.
    third = await client.upload(f"{model}-c", data, path="m.bin")
    assert third.artifacts[0].location == f"{model}/1/m.bin"
    for name, version in ((other, second), (f"{model}-c", third)):
        await client.delete_version(name, 1)
        await purged(client, system, version)

    async def gone() -> bool | None:
        return True if not keys_of(system, model) else None

    await eventually(gone)
    fourth = await client.upload(f"{model}-d", data, path="m.bin")
    assert fourth.artifacts[0].location is None


async def test_a_copy_that_is_refused_leaves_no_part_digests(
    client: AsyncModelRegistryClient, model: str, system: System
) -> None:
    source = await confirmed(client, await client.upload(model, os.urandom(11 * MIB), path="m.bin"))
    kept = await system.database.part_digests.driver.count_documents({})
    with pytest.raises(ConflictError):
        await client.copy_version(model, 1, model, to_version=1)
    assert await system.database.part_digests.driver.count_documents({}) == kept
    copied = await client.copy_version(model, 1, model)
    of_source, of_copy = [
        await system.database.part_digests.find_one({"_id": f"{each.id}/0"})
        for each in (source, copied)
    ]
    assert of_source is not None
    assert of_copy == {**of_source, "_id": f"{copied.id}/0", "version_id": copied.id}


async def test_a_deleted_version_is_not_copied(
    client: AsyncModelRegistryClient, model: str
) -> None:
    await client.upload(model, b"deleted soon", path="m.bin")
    await client.delete_version(model, 1)
    with pytest.raises(VersionNotReadyError):
        await client.copy_version(model, 1, model)


async def test_bytes_that_come_for_a_file_which_refers_to_others_are_removed(
    client: AsyncModelRegistryClient, model: str, system: System, api: Api
) -> None:
    data = os.urandom(1000)
    await client.upload(model, data, path="m.bin")
    session = await api.open(model, file_of("m.bin", data))
    body = {"sha256": {"m.bin": sha256_of(data)}}
    answer = await api.ingest.post(f"/v1/uploads/{session.upload_id}/reuse", json=body)
    assert answer.json()["files"][0]["uploaded"]
    assert (await api.ready(session)).artifacts[0].location == f"{model}/1/m.bin"
    await api.put(session.files[0], data)

    async def gone() -> bool | None:
        return True if keys_of(system, model) == [f"{model}/1/m.bin"] else None

    await eventually(gone)
