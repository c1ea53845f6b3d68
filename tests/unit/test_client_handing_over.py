"""Uploads that one program opens and another one sends."""

import io
from pathlib import Path

import pytest

import registry
from registry.schemas import FileRequest, UploadRequest, UploadSession
from registry.transfer.upload import requests
from tests.unit.client_fake import FakeRegistry


@pytest.fixture
def fake() -> FakeRegistry:
    return FakeRegistry(single_put_max_bytes=100, part_size_bytes=100)


async def declared(fake: FakeRegistry, source: bytes | dict[str, int]) -> UploadSession:
    async with fake.client() as client:
        return await client.declare_upload("m", source, metrics={"auc": 0.9})


async def test_who_declares_an_upload_sends_nothing_and_is_told_its_token(
    fake: FakeRegistry,
) -> None:
    session = await declared(fake, b"w")
    assert session.token == f"mr_up{session.upload_id}_5ec2e75ec2e7"
    assert fake.objects == {}
    assert fake.uploads[0].request["metrics"] == {"auc": 0.9}
    assert fake.uploads[0].request["files"][0]["sha256"], "storage will take no other bytes"


async def test_each_declaration_opens_an_upload_unless_a_key_names_one(fake: FakeRegistry) -> None:
    async with fake.client() as client:
        ids = [(await client.declare_upload("m", b"w")).upload_id for _ in range(2)]
        ids += [
            (await client.declare_upload("m", b"w", idempotency_key="k")).upload_id
            for _ in range(2)
        ]
    assert ids == ["upload-0", "upload-1", "upload-2", "upload-2"]


@pytest.mark.parametrize("size_bytes", [3, 950])
async def test_who_is_handed_an_upload_sends_its_bytes(fake: FakeRegistry, size_bytes: int) -> None:
    session = await declared(fake, {"weights.bin": size_bytes})
    async with fake.client() as client:
        version = await client.continue_upload(session.upload_id, size_bytes * b"w")
    assert (version.number, version.state) == (session.number, "ready")
    assert fake.objects == {"m/1/weights.bin": size_bytes * b"w"}, "under the declared name"
    assert len(fake.uploads) == 1


async def test_a_folder_is_sent_under_its_own_names(fake: FakeRegistry, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    session = await declared(fake, {"x/a": 1, "x/b": 1})
    async with fake.client() as client:
        with pytest.raises(registry.UploadMismatchError, match="a has no such file there"):
            await client.continue_upload(session.upload_id, tmp_path)
        await client.continue_upload(session.upload_id, tmp_path, path="x")
    assert fake.objects == {"m/1/x/a": b"a", "m/1/x/b": b"b"}


async def test_a_file_of_another_size_is_refused_before_anything_is_sent(
    fake: FakeRegistry,
) -> None:
    session = await declared(fake, {"weights.bin": 3})
    async with fake.client() as client:
        with pytest.raises(registry.UploadMismatchError, match="has 3 bytes there, and 4 bytes"):
            await client.continue_upload(session.upload_id, b"four")
    assert fake.objects == {}


async def test_other_bytes_than_were_declared_are_refused_before_they_are_sent(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await declared(fake, b"one")
    monkeypatch.setattr(requests, "HASH_FIRST_BYTES", 0)  # a file that is not hashed beforehand
    async with fake.client() as client:
        with pytest.raises(registry.UploadMismatchError, match="other bytes than were declared"):
            await client.continue_upload(session.upload_id, b"two")
    assert fake.sent("^PUT") == []


@pytest.mark.parametrize("size_bytes", [3, 950])
@pytest.mark.parametrize("wait", [True, False])
async def test_bytes_that_another_program_sent_before_are_no_success(
    fake: FakeRegistry, size_bytes: int, *, wait: bool
) -> None:
    """A job that is started anew makes other bytes of the same size."""
    session = await declared(fake, {"weights.bin": size_bytes})
    async with fake.client() as client:
        await client.continue_upload(session.upload_id, size_bytes * b"a")
        with pytest.raises(registry.UploadMismatchError, match="other bytes than version 1"):
            await client.continue_upload(session.upload_id, size_bytes * b"b", wait=wait)
        again = await client.continue_upload(session.upload_id, size_bytes * b"a", wait=wait)
        assert again.number == 1


async def test_bytes_that_storage_had_before_the_upload_was_completed_are_no_success(
    fake: FakeRegistry,
) -> None:
    session = await declared(fake, {"weights.bin": 3})
    fake.objects["m/1/weights.bin"] = b"one"
    async with fake.client() as client:
        with pytest.raises(registry.UploadMismatchError, match="other bytes than version 1"):
            await client.continue_upload(session.upload_id, b"two")


async def test_parts_that_another_program_sent_are_no_part_of_this_upload(
    fake: FakeRegistry,
) -> None:
    session = await declared(fake, {"weights.bin": 950})
    fake.uploads[0].parts["m/1/weights.bin"] = {1: 100 * b"a"}
    async with fake.client() as client:
        with pytest.raises(registry.UploadMismatchError, match=r"part 1 of weights\.bin"):
            await client.continue_upload(session.upload_id, 950 * b"b")
        sent: list[int] = []
        await client.continue_upload(
            session.upload_id, io.BytesIO(950 * b"a"), progress=lambda done, _: sent.append(done)
        )
    assert sent[0] == 100, "what storage has is not sent again"


@pytest.mark.parametrize("state", ["aborted", "expired"])
async def test_an_upload_that_has_ended_takes_no_bytes(fake: FakeRegistry, state: str) -> None:
    session = await declared(fake, {"weights.bin": 3})
    fake.uploads[0].state = state
    async with fake.client() as client:
        with pytest.raises(registry.UploadAbortedError, match=state):
            await client.continue_upload(session.upload_id, b"one")


@pytest.mark.parametrize("state", ["open", "completed", "rejected"])
async def test_a_version_that_is_rejected_says_why(fake: FakeRegistry, state: str) -> None:
    fake.verdict = "rejected"
    session = await declared(fake, {"weights.bin": 3})
    fake.uploads[0].state = state
    async with fake.client() as client:
        with pytest.raises(registry.VersionRejectedError, match="bad_format"):
            await client.continue_upload(session.upload_id, b"one")


def test_the_blocking_client_hands_over_too(fake: FakeRegistry) -> None:
    with fake.blocking_client() as client:
        request = UploadRequest(model="m", files=[FileRequest(path="w", size_bytes=1)])
        session = client.open_upload(request, idempotency_key="k")
        assert session.token
        assert client.continue_upload(session.upload_id, b"w").state == "ready"
