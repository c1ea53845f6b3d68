"""Ending a session: what it leaves, and what is then refused."""

import os

from tests.support.api import MIB, Api, file_of, parts_of
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.system import Footprint, System

LARGE = os.urandom(6 * MIB)
PARTS = parts_of(LARGE, 5 * MIB)


async def nothing_is_left(system: System, model: str) -> None:
    """Wait until a worker has removed what was sent."""

    async def look() -> bool | None:
        left = await system.footprint(model)
        return True if left == Footprint(models=1, versions=1) else None

    await eventually(look)


async def test_an_abort_rejects_the_version_and_leaves_no_bytes(
    api: Api, system: System, model: str
) -> None:
    session = await api.open(
        model, file_of("a.bin", b"a"), file_of("b.bin", LARGE), file_of("c.bin", b"c")
    )
    await api.put(session.files[0], b"a")
    await api.put_parts(session, "b.bin", {1: PARTS[1]})

    answer = await api.ingest.delete(f"/v1/uploads/{session.upload_id}")

    assert answer.status_code == 204, answer.text
    await nothing_is_left(system, model)
    version = await api.version(model, 1)
    assert (version.state, version.reasons[0].code) == ("rejected", "upload_aborted")
    assert (await api.session(session)).state == "aborted"


async def test_an_abort_may_be_repeated(api: Api, model: str) -> None:
    session = await api.open(model, file_of("a.bin", b"a"))
    for _ in range(2):
        answer = await api.ingest.delete(f"/v1/uploads/{session.upload_id}")
        assert answer.status_code == 204, answer.text
    assert (await api.version(model, 1)).sequence == 2, "it was announced once"


async def test_after_an_abort_nothing_is_signed_or_completed(
    api: Api, system: System, model: str
) -> None:
    session = await api.open(model, file_of("b.bin", LARGE))
    await api.put_parts(session, "b.bin", PARTS)
    await api.ingest.delete(f"/v1/uploads/{session.upload_id}")

    problem(await api.complete(session), 409, "upload_aborted")
    body = {"path": "b.bin", "parts": [{"number": 1, "sha256": "0" * 64}]}
    answer = await api.ingest.post(f"/v1/uploads/{session.upload_id}/parts", json=body)
    problem(answer, 409, "upload_aborted")
    assert await system.footprint(model) == Footprint(models=1, versions=1), (
        "there were parts alone"
    )


async def test_a_complete_upload_cannot_be_aborted(api: Api, system: System, model: str) -> None:
    session = await api.open(model, file_of("b.bin", LARGE))
    await api.put_parts(session, "b.bin", PARTS)
    assert (await api.complete(session)).status_code == 200

    for _ in range(2):  # at once, and when the version is ready
        answer = await api.ingest.delete(f"/v1/uploads/{session.upload_id}")
        problem(answer, 409, "upload_completed")
        await api.ready(session)
    assert await api.download(model, 1, "b.bin") == LARGE
    assert (await system.footprint(model)).objects == 1


async def test_an_aborted_key_is_free_again(api: Api, model: str) -> None:
    body = {"model": model, "files": [file_of("a.bin", b"a")]}
    numbers: list[int] = []
    for _ in range(2):
        headers = {"idempotency-key": "one-and-the-same"}
        opened = await api.ingest.post("/v1/uploads", json=body, headers=headers)
        assert opened.status_code == 201, opened.text
        numbers.append(opened.json()["number"])
        await api.ingest.delete(f"/v1/uploads/{opened.json()['upload_id']}")
    assert numbers == [1, 2]


async def test_an_aborted_label_is_free_again_and_its_number_is_not(api: Api, model: str) -> None:
    file = file_of("a.bin", b"a")
    first = await api.open(model, file, version="1.0.0")
    await api.ingest.delete(f"/v1/uploads/{first.upload_id}")
    second = await api.open(model, file, version="1.0.0")
    assert (second.number, second.label) == (2, "1.0.0")
    assert (await api.version(model, "1.0.0")).number == 2
