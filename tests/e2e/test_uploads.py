"""From a declared upload to a verified version, over HTTP alone."""

import asyncio
import os

import httpx

from registry.schemas import Version
from tests.support.api import Api, file_of, sha256_of
from tests.support.eventually import eventually
from tests.support.problems import broken_rule
from tests.support.system import Footprint, System


async def test_a_small_file_is_put_once_verified_by_storage_and_downloaded_unchanged(
    api: Api, model: str
) -> None:
    data = os.urandom(100_000)
    session = await api.open(model, file_of("model.bin", data), metrics={"accuracy": 0.95})
    assert (session.number, session.version_state) == (1, "pending")

    await api.put(session.files[0], data)

    version = await api.ready(session)
    [artifact] = version.artifacts
    assert version.metrics == {"accuracy": 0.95}
    assert (artifact.sha256, artifact.sha256_state) == (sha256_of(data), "verified")
    assert (artifact.state, artifact.format) == ("verified", "unknown")
    assert await api.download(model, 1, "model.bin") == data


async def test_a_version_of_several_files_is_ready_only_when_all_are_there(
    api: Api, model: str
) -> None:
    first, second = os.urandom(1000), os.urandom(2000)
    session = await api.open(
        model, file_of("weights.bin", first), file_of("vocab/words.txt", second)
    )

    async def first_is_verified() -> Version | None:
        found = await api.version(model, 1)
        return found if found.artifacts[0].state == "verified" else None

    await api.put(session.files[0], first)
    assert (await eventually(first_is_verified)).state == "pending"

    await api.put(session.files[1], second)
    version = await api.ready(session)
    assert [artifact.path for artifact in version.artifacts] == ["weights.bin", "vocab/words.txt"]
    assert await api.download(model, 1, "vocab/words.txt") == second


async def test_without_a_promised_digest_the_object_is_read_whole_before_it_is_ready(
    api: Api, model: str
) -> None:
    data = os.urandom(300_000)
    session = await api.open(model, file_of("model.bin", data, digest=False))
    await api.put(session.files[0], data)
    [artifact] = (await api.ready(session)).artifacts
    assert (artifact.sha256, artifact.sha256_state) == (sha256_of(data), "verified")


async def test_an_uploaded_file_needs_no_url_any_more(api: Api, model: str) -> None:
    first, second = b"first", b"second"
    session = await api.open(model, file_of("a.bin", first), file_of("b.bin", second))
    await api.put(session.files[0], first)
    a, b = (await api.session(session)).files
    assert (a.uploaded, a.put) == (True, None)
    assert not b.uploaded
    await api.put(b, second)
    await api.ready(session)


async def test_numbers_count_up_and_a_number_asked_for_moves_the_count(
    api: Api, model: str
) -> None:
    file = file_of("x.bin", b"x")
    assert (await api.open(model, file)).number == 1
    assert (await api.open(model, file, version=7)).number == 7
    assert (await api.open(model, file)).number == 8
    labelled = await api.open(model, file, version="1.2.0-rc 1")
    assert (labelled.number, labelled.label) == (9, "1.2.0-rc 1")


async def test_the_same_key_and_body_open_one_session_however_often_and_at_once(
    api: Api, system: System, model: str
) -> None:
    body = {"model": model, "files": [file_of("x.bin", b"x")]}

    async def post(key: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"{model.replace(' ', '-')}-{key}"}
        return await api.ingest.post("/v1/uploads", json=body, headers=headers)

    for key in (1, 2):  # by the second time the connections are there: all arrive at once
        answers = [*await asyncio.gather(*(post(key) for _ in range(16))), await post(key)]
        assert sorted(answer.status_code for answer in answers) == [200] * 16 + [201]
        assert len({answer.json()["upload_id"] for answer in answers}) == 1
        assert await system.footprint(model) == Footprint(models=1, versions=key)


async def test_a_key_used_before_with_another_body_is_refused(
    api: Api, system: System, model: str
) -> None:
    headers = {"Idempotency-Key": model.replace(" ", "-")}
    for data, status in ((b"x", 201), (b"another", 422)):
        body = {"model": model, "files": [file_of("x.bin", data)]}
        answer = await api.ingest.post("/v1/uploads", json=body, headers=headers)
        assert answer.status_code == status, answer.text
    rule = broken_rule(answer, "Idempotency-Key", "idempotency_key_reused")
    assert rule == "was used with another request body"
    assert await system.footprint(model) == Footprint(models=1, versions=1)


async def test_a_storage_group_is_made_when_it_is_first_named(
    api: Api, system: System, model: str
) -> None:
    group = model.replace(" ", "-")
    session = await api.open(model, file_of("x.bin", b"x"), storage_group=group)
    assert session.storage_group == group
    await api.put(session.files[0], b"x")
    assert (await api.ready(session)).storage_group == group
    assert await api.download(model, 1, "x.bin") == b"x"
    versions = system.s3.list_object_versions(Bucket=group, Prefix="")["Versions"]
    assert [found["Key"] for found in versions] == [f"{model}/1/x.bin"]
