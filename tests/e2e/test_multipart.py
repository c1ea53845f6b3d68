"""Large files go in parts that storage verifies, and an interrupted upload goes on."""

import asyncio
import os

import pytest

from registry.schemas import Artifact, UploadSession
from shared.domain.digests import composite
from tests.support.api import MIB, Api, file_of, parts_of, sha256_of
from tests.support.eventually import eventually
from tests.support.problems import broken_rule, problem
from tests.support.system import Footprint, System

PATH = "model.bin"
DATA = os.urandom(11 * MIB)
PARTS = parts_of(DATA, 5 * MIB)


async def opened(api: Api, model: str, *numbers: int) -> UploadSession:
    """A session of one file in three parts, of which some are sent."""
    session = await api.open(model, file_of(PATH, DATA))
    if numbers:
        await api.put_parts(session, PATH, {number: PARTS[number] for number in numbers})
    return session


async def test_three_parts_become_one_object_with_the_digest_of_its_parts(
    api: Api, model: str
) -> None:
    session = await opened(api, model)
    [plan] = session.files
    assert (plan.kind, plan.part_size_bytes, plan.part_count) == ("multipart", 5 * MIB, 3)
    await api.put_parts(session, PATH, PARTS)

    answer = await api.complete(session)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "completed"

    [artifact] = (await api.ready(session)).artifacts
    assert artifact.composite is not None
    assert artifact.composite.value == composite(sha256_of(part) for part in PARTS.values())
    assert (artifact.composite.part_size_bytes, artifact.composite.part_count) == (5 * MIB, 3)
    assert await api.download(model, 1, PATH) == DATA

    [download] = (await api.downloads(model, 1)).files
    assert (download.part_size_bytes, download.first_part) == (5 * MIB, 1)
    assert download.part_sha256 == [sha256_of(part) for part in PARTS.values()]


@pytest.mark.parametrize("claim", [sha256_of(DATA), "0" * 64], ids=["true", "false"])
async def test_a_digest_of_the_whole_is_a_claim_until_it_was_read_back(
    api: Api, model: str, claim: str
) -> None:
    session = await opened(api, model, 1, 2, 3)
    await api.complete(session, sha256={PATH: claim})
    await api.ready(session)  # by its parts, whose digests storage verified

    async def confirmed() -> Artifact | None:
        [found] = (await api.version(model, 1)).artifacts
        return found if found.sha256_state == "verified" else None

    assert (await eventually(confirmed)).sha256 == sha256_of(DATA)


async def test_the_session_tells_which_parts_storage_has_and_the_rest_may_follow(
    api: Api, model: str
) -> None:
    session = await opened(api, model, 1, 3)

    [plan] = (await api.session(session)).files
    assert not plan.uploaded
    assert [(part.number, part.size_bytes, part.sha256) for part in plan.parts] == [
        (1, 5 * MIB, sha256_of(PARTS[1])),
        (3, MIB, sha256_of(PARTS[3])),
    ]

    await api.put_parts(session, PATH, {2: PARTS[2]})
    await api.complete(session)
    await api.ready(session)
    assert await api.download(model, 1, PATH) == DATA


@pytest.mark.parametrize(
    ("sent", "missing"), [((), "parts 1-3"), ((2,), "parts 1, 3"), ((1, 2), "parts 3")]
)
async def test_completing_too_early_names_the_missing_parts_and_joins_nothing(
    api: Api, system: System, model: str, sent: tuple[int, ...], missing: str
) -> None:
    session = await opened(api, model, *sent)
    document = problem(await api.complete(session), 409, "upload_incomplete")
    assert document["missing"] == {PATH: missing}
    assert missing in document["detail"]
    assert (await system.footprint(model)).objects == 0
    assert (await api.session(session)).state == "open"


async def test_two_completes_at_once_and_one_later_are_one(
    api: Api, system: System, model: str
) -> None:
    session = await opened(api, model, 1, 2, 3)
    answers = await asyncio.gather(*(api.complete(session) for _ in range(2)))
    await api.ready(session)
    answers.append(await api.complete(session))
    assert [answer.status_code for answer in answers] == [200] * 3, answers[-1].text
    assert await system.footprint(model) == Footprint(models=1, versions=1, objects=1)


async def test_signers_at_once_share_one_multipart_upload(
    api: Api, system: System, model: str
) -> None:
    session = await opened(api, model)
    await asyncio.gather(*(api.put_parts(session, PATH, {n: PARTS[n]}) for n in PARTS))
    assert (await system.footprint(model)).multipart_uploads == 1
    assert (await api.complete(session)).status_code == 200
    await api.ready(session)


async def test_a_truncated_or_altered_part_is_refused_by_storage(api: Api, model: str) -> None:
    session = await opened(api, model)
    [signed] = (await api.sign(session, PATH, {3: PARTS[3]})).parts
    truncated = await api.send(signed, PARTS[3][:-1], {"content-length": str(MIB - 1)})
    assert truncated.status_code == 403
    altered = await api.send(signed, bytes(MIB))
    assert altered.status_code == 400
    document = problem(await api.complete(session), 409, "upload_incomplete")
    assert document["missing"] == {PATH: "parts 1-3"}


async def test_a_part_outside_the_plan_is_refused(api: Api, model: str) -> None:
    session = await opened(api, model)
    body = {"path": PATH, "parts": [{"number": 4, "sha256": sha256_of(b"")}]}
    answer = await api.ingest.post(f"/v1/uploads/{session.upload_id}/parts", json=body)
    assert broken_rule(answer, "parts.0.number") == "must be at most 3"


async def test_parts_of_a_file_that_goes_by_one_put_or_of_none_are_refused(
    api: Api, model: str
) -> None:
    session = await api.open(model, file_of("small.bin", b"x"))
    for path, status, code in (
        ("small.bin", 409, "not_multipart"),
        ("other.bin", 404, "file_not_found"),
    ):
        body = {"path": path, "parts": [{"number": 1, "sha256": sha256_of(b"x")}]}
        answer = await api.ingest.post(f"/v1/uploads/{session.upload_id}/parts", json=body)
        problem(answer, status, code)
