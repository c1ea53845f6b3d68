"""What somebody tries who has a token of their own, or a signed URL, and wants more than it gives.

docs/security.md lists all attacks with their answers, and where those are shown that are not here.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from registry.schemas import SignedRequest, UploadSession
from tests.support.access import carrying
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.system import System

DATA = b"the declared bytes"


async def use(api: Api, upload_id: str, headers: Mapping[str, str]) -> list[httpx.Response]:
    """Read an upload, have a part of it signed, complete and abort it."""
    path = f"/v1/uploads/{upload_id}"
    parts = {"path": "model.bin", "parts": [{"number": 1, "sha256": "0" * 64}]}
    return [
        await api.ingest.get(path, headers=headers),
        await api.ingest.post(f"{path}/parts", json=parts, headers=headers),
        await api.ingest.post(f"{path}/complete", json={}, headers=headers),
        await api.ingest.delete(path, headers=headers),
    ]


async def test_another_writer_of_the_same_model_cannot_use_an_upload(api: Api, model: str) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    for answer in await use(api, session.upload_id, carrying(await api.token(f"writer:{model}"))):
        problem(answer, 404, "upload_not_found")
    await api.put(session.files[0], DATA)
    await api.ready(session)


async def test_the_id_of_a_version_is_that_of_no_upload(api: Api, model: str) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    guesses = (session.version_id, f"{session.version_id}-", f"{session.version_id}-{'0' * 32}")
    for guess in guesses:
        for answer in await use(api, guess, {}):  # not even for the administrator
            problem(answer, 404, "upload_not_found")
    await api.put(session.files[0], DATA)
    await api.ready(session)


async def test_the_token_of_an_upload_that_is_over_does_nothing(api: Api, model: str) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    token = {"authorization": f"Bearer {session.token}"}
    aborted = await api.ingest.delete(f"/v1/uploads/{session.upload_id}", headers=token)
    assert aborted.status_code == 204
    read, signed, completed, again = await use(api, session.upload_id, token)
    assert read.json()["state"] == "aborted"
    assert all(file["put"] is None for file in read.json()["files"])
    problem(signed, 409, "upload_aborted")
    problem(completed, 409, "upload_aborted")
    assert again.status_code == 204
    answer = await api.send(session.files[0].put, DATA)  # its URL was signed before
    assert answer.status_code == 200
    version = await api.version(model, session.number)
    assert version.state == "rejected"


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "ready"},
        {"number": 7},
        {"id": "0" * 32},
        {"owner": "token:other"},
        {"token_id": "0" * 16},
        {"sequence": 1},
        {"verified": True},
        {"$set": {"state": "ready"}},
    ],
    ids=str,
)
async def test_a_field_that_is_not_the_callers_to_say_is_refused(
    api: Api, system: System, model: str, fields: dict[str, Any]
) -> None:
    body = {"model": model, "files": [file_of("model.bin", DATA)], **fields}
    document = problem(await api.ingest.post("/v1/uploads", json=body), 422, "invalid_request")
    assert document["errors"][0]["field"] == next(iter(fields))
    inside = {"model": model, "files": [{**file_of("model.bin", DATA), **fields}]}
    problem(await api.ingest.post("/v1/uploads", json=inside), 422, "invalid_request")
    assert (await api.query.get(f"/v1/models/{model}")).status_code == 404


async def test_nobody_gives_away_more_than_they_administer(api: Api, model: str) -> None:
    own = carrying(await api.token(f"admin:{model}.*"))
    for grant in ("admin:*", f"reader:{model}", "reader:*", f"writer:{model}-2"):
        body = {"name": "more", "grants": [f"reader:{model}.a", grant]}
        problem(await api.ingest.post("/v1/tokens", json=body, headers=own), 403, "forbidden")
    body = {"name": "less", "grants": [f"maintainer:{model}.a.*"]}
    assert (await api.ingest.post("/v1/tokens", json=body, headers=own)).status_code == 201


def changed(request: SignedRequest | None, **headers: str | None) -> SignedRequest:
    """A signed request with other headers; None leaves one out."""
    assert request is not None
    wanted = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in request.headers.items() if name not in wanted}
    given = {name: value for name, value in wanted.items() if value is not None}
    return request.model_copy(update={"headers": {**kept, **given}})


@pytest.fixture
async def session(api: Api, model: str) -> UploadSession:
    """An open session of one small file."""
    return await api.open(model, file_of("model.bin", DATA))


@pytest.mark.parametrize(
    "headers",
    [
        {"if_none_match": None},
        {"x_amz_checksum_sha256": None},
        {"x_amz_checksum_sha256": "A" * 43 + "="},
        {"x_amz_tagging": "owner=other"},
        {"x_amz_meta_model": "other"},
        {"x_amz_copy_source": "/models/other/1/model.bin"},
        {"x_amz_storage_class": "REDUCED_REDUNDANCY"},
        {"x_amz_server_side_encryption": "AES256"},
        {"x_amz_object_lock_mode": "COMPLIANCE"},
    ],
    ids=str,
)
async def test_a_signed_put_that_says_more_or_less_stores_nothing(
    api: Api, session: UploadSession, headers: dict[str, str | None]
) -> None:
    answer = await api.send(changed(session.files[0].put, **headers), DATA)
    assert answer.is_error, answer.text
    assert (await api.session(session)).files[0].put is not None, "nothing was stored"
    await api.put(session.files[0], DATA)
    await api.ready(session)


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/html"},
        {"content_disposition": "inline"},
        {"content_encoding": "gzip"},
        {"content_encoding": "deflate, br"},
        {"x_amz_acl": "public-read"},
        {"x_amz_website_redirect_location": "https://evil.example"},
    ],
    ids=str,
)
async def test_what_an_uploader_says_of_a_file_changes_nothing_of_its_download(
    api: Api, session: UploadSession, headers: dict[str, str | None]
) -> None:
    answer = await api.send(changed(session.files[0].put, **headers), DATA)
    assert answer.status_code == 200, answer.text
    await api.ready(session)
    [signed] = (await api.downloads(session.model, session.number)).files
    got = await api.storage.get(signed.url, headers={"accept-encoding": "gzip, deflate, br"})
    assert got.content == DATA
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["content-encoding"] == "identity"
    unsigned = httpx.URL(signed.url).copy_with(query=None)
    assert (await api.storage.get(unsigned)).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        {"X-Amz-Expires": "604800"},
        {"X-Amz-SignedHeaders": "host"},
        {"x-id": "PutObject"},
        {"uploadId": "another", "partNumber": "1"},
        {"versionId": "null"},
        {"tagging": ""},
        {"acl": ""},
    ],
    ids=str,
)
async def test_a_signed_url_takes_no_other_parameters(
    api: Api, session: UploadSession, query: dict[str, str]
) -> None:
    put = session.files[0].put
    assert put is not None
    url = str(httpx.URL(put.url).copy_merge_params(query))
    answer = await api.send(put.model_copy(update={"url": url}), DATA)
    assert answer.is_error, answer.text
    assert (await api.session(session)).files[0].put is not None, "nothing was stored"
    await api.put(session.files[0], DATA)
    await api.ready(session)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST"])
async def test_a_url_to_write_does_nothing_else(
    api: Api, session: UploadSession, method: str
) -> None:
    put = session.files[0].put
    assert put is not None
    await api.put(session.files[0], DATA)
    content = DATA if method == "POST" else None
    headers = {name: value for name, value in put.headers.items() if name != "content-length"}
    answer = await api.storage.request(method, put.url, headers=headers, content=content)
    assert answer.status_code in {400, 403, 405}, answer.text
    await api.ready(session)


async def test_a_url_to_read_writes_nothing(api: Api, session: UploadSession) -> None:
    await api.put(session.files[0], DATA)
    await api.ready(session)
    [signed] = (await api.downloads(session.model, session.number)).files
    for method in ("PUT", "DELETE", "POST"):
        answer = await api.storage.request(method, signed.url, content=b"other")
        assert answer.status_code in {400, 403, 405}, answer.text
    assert await api.download(session.model, session.number, "model.bin") == DATA


async def test_a_key_of_somebody_else_opens_a_session_of_ones_own(api: Api, model: str) -> None:
    body = {"model": model, "files": [file_of("model.bin", DATA)]}
    key = {"Idempotency-Key": uuid4().hex}
    first = await api.ingest.post("/v1/uploads", json=body, headers=key)
    other = carrying(await api.token(f"writer:{model}"))
    second = await api.ingest.post("/v1/uploads", json=body, headers=other | key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["upload_id"] != second.json()["upload_id"]
    assert first.json()["token"] != second.json()["token"]


async def test_a_key_that_spells_out_somebody_elses_finds_nothing_of_theirs(
    api: Api, model: str
) -> None:
    """Keys of different owners are told apart by a name that goes before each: so does this one."""
    body = {"model": model, "files": [file_of("model.bin", DATA)]}
    theirs = await api.ingest.post("/v1/uploads", json=body, headers={"Idempotency-Key": "v1"})
    other = carrying(await api.token(f"writer:{model}"))
    key = {"Idempotency-Key": f"{model}/administrator/v1"}
    for asked in (body, {**body, "description": "another body"}):
        answer = await api.ingest.post("/v1/uploads", json=asked, headers=other | key)
        assert answer.status_code == 201, answer.text
        assert answer.json()["version_id"] != theirs.json()["version_id"]
        gone = await api.ingest.delete(f"/v1/uploads/{answer.json()['upload_id']}", headers=other)
        assert gone.status_code == 204


@pytest.mark.parametrize("path", ["models/{model}/versions/{number}", "versions/{version_id}"])
async def test_who_waits_for_a_version_is_told_nothing_once_the_token_is_revoked(
    api: Api, model: str, path: str
) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    made = await api.token(f"reader:{model}")
    headers = carrying(made)
    target = f"/v1/{path.format(**session.model_dump())}"
    assert (await api.query.get(target, headers=headers)).status_code == 200

    async def wait() -> httpx.Response:
        return await api.query.get(target, params={"wait": 30}, headers=headers)

    waiting = asyncio.create_task(wait())
    revoked = await api.ingest.delete(f"/v1/tokens/{made.id}")
    assert revoked.status_code == 204

    async def is_refused() -> bool | None:
        answer = await api.query.get("/v1/me", headers=headers)
        return answer.status_code == 401 or None

    await eventually(is_refused)
    assert not waiting.done()
    await api.put(session.files[0], DATA)
    problem(await waiting, 401, "unauthenticated")
