"""Uploading, against a registry in memory."""

import io
import os
from pathlib import Path

import httpx
import pytest

import registry
from registry.transfer.upload import requests
from tests.unit.client_fake import SECRET, FakeRegistry, problem, times

BIG = bytes(range(256)) * 40  # 10,240 bytes: eleven parts of 1,000


@pytest.fixture
def fake() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def multipart(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    """A registry to which everything is large, and a client that hashes nothing first."""
    monkeypatch.setattr(requests, "HASH_FIRST_BYTES", 0)
    return FakeRegistry(single_put_max_bytes=0)


async def test_bytes_become_a_ready_version(fake: FakeRegistry) -> None:
    async with fake.client() as client:
        version = await client.upload("churn", b"weights", path="a.bin", tags={"team": "x"})
    assert (version.number, version.state, version.tags) == (1, "ready", {"team": "x"})
    assert fake.objects == {"churn/1/a.bin": b"weights"}


async def test_a_folder_becomes_one_version_of_several_files(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").write_bytes(b"bb")
    (tmp_path / ".hidden").write_bytes(b"h")
    async with fake.client() as client:
        await client.upload("m", tmp_path)
    assert fake.objects == {"m/1/.hidden": b"h", "m/1/sub/b": b"bb"}


async def test_a_large_file_travels_in_parts(multipart: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(BIG)
    seen: list[tuple[int, int]] = []
    async with multipart.client() as client:
        version = await client.upload(
            "m", tmp_path / "big", progress=lambda done, total: seen.append((done, total))
        )
    assert multipart.objects == {"m/1/big": BIG}
    assert seen[-1] == (len(BIG), len(BIG))
    assert version.state == "ready"


async def test_a_stream_is_read_from_where_it_stands_and_put_back(fake: FakeRegistry) -> None:
    stream = io.BytesIO(b"header|weights")
    stream.seek(7)
    async with fake.client() as client:
        await client.upload("m", stream)
    assert fake.objects == {"m/1/model.bin": b"weights"}
    assert stream.tell() == 7


async def test_a_pipe_is_spooled(fake: FakeRegistry) -> None:
    read, write = os.pipe()
    os.write(write, b"piped")
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        async with fake.client() as client:
            await client.upload("m", pipe)
    assert fake.objects == {"m/1/model.bin": b"piped"}


async def test_the_same_call_again_sends_nothing(fake: FakeRegistry) -> None:
    async with fake.client() as client:
        first = await client.upload("m", b"w")
        fake.requests.clear()
        second = await client.upload("m", b"w")
    assert second.id == first.id
    assert not fake.sent("^PUT")


async def test_an_interrupted_upload_continues_with_the_missing_parts(
    multipart: FakeRegistry,
) -> None:
    multipart.faults = [
        lambda r: httpx.ReadError("gone") if r.url.params.get("partNumber") == "7" else None
    ]
    with pytest.raises(registry.UnavailableError, match="ReadError"):
        async with multipart.client(concurrency=1) as client:
            await client.upload("m", BIG)
    multipart.faults, multipart.requests = [], []
    seen: list[int] = []
    async with multipart.client() as client:
        await client.upload("m", BIG, progress=lambda done, _: seen.append(done))
    assert len(multipart.sent("^PUT")) == 5
    assert seen[0] == 6000
    assert multipart.objects == {"m/1/model.bin": BIG}


async def test_other_bytes_under_an_equal_request_get_an_upload_of_their_own(
    multipart: FakeRegistry,
) -> None:
    broken = httpx.ReadError("gone")
    multipart.faults = [lambda r: broken if r.url.params.get("partNumber") == "9" else None]
    with pytest.raises(registry.UnavailableError):
        async with multipart.client(concurrency=1) as client:
            await client.upload("m", BIG)
    multipart.faults = []
    other = BIG[::-1]
    async with multipart.client() as client:
        version = await client.upload("m", other)
        again = await client.upload("m", other)
    assert multipart.objects == {"m/2/model.bin": other}
    assert (version.number, again.number) == (2, 2)


async def test_other_bytes_under_a_chosen_key_are_an_error(multipart: FakeRegistry) -> None:
    async with multipart.client() as client:
        await client.upload("m", BIG, idempotency_key="mine")
        with pytest.raises(registry.UploadMismatchError, match="other bytes"):
            await client.upload("m", BIG[::-1], idempotency_key="mine")
        with pytest.raises(registry.UploadMismatchError, match="another body"):
            await client.upload("m", BIG, idempotency_key="mine", tags={"a": "b"})


async def test_an_aborted_upload_is_not_continued(fake: FakeRegistry) -> None:
    async with fake.client() as client:
        await client.upload("m", b"w")
        fake.uploads[0].state = "aborted"
        assert (await client.upload("m", b"w")).number == 2


async def test_a_refused_put_is_signed_again_once(fake: FakeRegistry) -> None:
    fake.faults = [times(1, "^PUT storage", httpx.Response(403))]
    async with fake.client() as client:
        await client.upload("m", b"w")
    assert len(fake.sent("^GET /v1/uploads/")) == 1


async def test_a_put_that_stays_refused_is_an_error_without_the_url(fake: FakeRegistry) -> None:
    fake.faults = [times(9, "^PUT", httpx.Response(403, content=b"<Code>AccessDenied</Code>"))]
    async with fake.client() as client:
        with pytest.raises(registry.StorageError, match="403 AccessDenied") as caught:
            await client.upload("m", b"w")
    assert SECRET not in repr(caught.value)
    assert caught.value.code == "AccessDenied"


async def test_a_lost_answer_counts_as_stored(fake: FakeRegistry) -> None:
    def lose_answer(request: httpx.Request) -> httpx.Response | Exception | None:
        if request.method == "PUT" and not fake.objects:
            fake.objects["m/1/model.bin"] = request.content
            return httpx.ReadError("gone")
        return None

    fake.faults = [lose_answer]
    async with fake.client() as client:
        assert (await client.upload("m", b"w")).state == "ready"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_passing_troubles_are_waited_out(fake: FakeRegistry, status: int) -> None:
    busy = httpx.Response(status, headers={"retry-after": "0"})
    fake.faults = [times(2, "storage", busy), times(2, "ingest", busy), times(2, "query", busy)]
    async with fake.client() as client:
        assert (await client.upload("m", b"w")).state == "ready"


async def test_a_server_that_stays_away_leaves_the_upload_open(fake: FakeRegistry) -> None:
    fake.faults = [times(99, "^PUT", httpx.ConnectError("refused"))]
    async with fake.client() as client:
        with pytest.raises(registry.UnavailableError, match=r"cannot upload model\.bin") as told:
            await client.upload("m", b"w")
    [left] = fake.uploads
    assert left.state == "open"
    assert told.value.__notes__ == [f"upload {left.id} stays open: the same call continues it"]


async def test_a_file_that_changes_meanwhile_aborts_the_upload(
    multipart: FakeRegistry, tmp_path: Path
) -> None:
    file = tmp_path / "m.bin"
    file.write_bytes(BIG)

    def write_more(request: httpx.Request) -> None:
        if request.method == "PUT":
            file.write_bytes(BIG + b"more")

    multipart.faults = [write_more]
    async with multipart.client() as client:
        with pytest.raises(registry.SourceChangedError, match=r"m\.bin changed"):
            await client.upload("m", file)
    assert multipart.uploads[0].state == "aborted"


async def test_damage_on_the_way_is_repaired(fake: FakeRegistry) -> None:
    fake.faults = [times(1, "^PUT", httpx.Response(400, content=b"<Code>BadDigest</Code>"))]
    async with fake.client() as client:
        assert (await client.upload("m", b"w")).state == "ready"


async def test_parts_that_storage_lost_are_sent_again(multipart: FakeRegistry) -> None:
    def lose_part(request: httpx.Request) -> None:
        if request.url.path.endswith("/complete") and len(multipart.sent("/complete$")) == 1:
            del multipart.uploads[0].parts["m/1/model.bin"][3]

    multipart.faults = [lose_part]
    async with multipart.client() as client:
        await client.upload("m", BIG)
    assert multipart.objects == {"m/1/model.bin": BIG}


async def test_a_version_that_is_rejected_while_it_is_sent_raises_its_reasons_too(
    multipart: FakeRegistry,
) -> None:
    multipart.verdict = "rejected"

    def reject(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PUT" or "storage" not in str(request.url):
            return None
        multipart.uploads[0].state = "rejected"
        return httpx.Response(404, content=b"<Code>NoSuchUpload</Code>")

    multipart.faults = [reject]
    async with multipart.client() as client:
        with pytest.raises(registry.VersionRejectedError) as caught:
            await client.upload("m", BIG)
    assert caught.value.reasons[0].code == "bad_format"


async def test_a_rejected_version_raises_its_reasons(fake: FakeRegistry) -> None:
    fake.verdict = "rejected"
    async with fake.client() as client:
        with pytest.raises(registry.VersionRejectedError, match="bad_format: no model") as caught:
            await client.upload("m", b"w")
    assert caught.value.reasons[0].code == "bad_format"


async def test_waiting_has_an_end(fake: FakeRegistry) -> None:
    fake.verdict = "verifying"
    async with fake.client() as client:
        with pytest.raises(registry.WaitTimeoutError, match="still verifying"):
            await client.upload("m", b"w", timeout_seconds=0.05)
        version = await client.upload("m", b"w2", wait=False)
    assert version.state == "verifying"


@pytest.mark.parametrize(
    ("model", "options", "field"),
    [
        ("../up", {}, "model"),
        ("m", {"path": "../x"}, "files.0.path"),
        ("m", {"metrics": {"a": float("nan")}}, "metrics.a"),
        ("m", {"unknown": 1}, "unknown"),
    ],
)
async def test_what_breaks_a_rule_is_refused_before_it_travels(
    fake: FakeRegistry, model: str, options: dict[str, object], field: str
) -> None:
    async with fake.client() as client:
        with pytest.raises(registry.InvalidRequestError) as caught:
            await client.upload(model, b"w", **options)  # pyright: ignore[reportArgumentType]
    assert caught.value.errors[0].field == field
    assert not fake.requests


async def test_problems_become_their_exceptions(fake: FakeRegistry) -> None:
    fake.faults = [times(1, "ingest", problem(409, "version_exists", "1.0 is taken"))]
    async with fake.client() as client:
        with pytest.raises(registry.ConflictError, match=r"1\.0 is taken") as caught:
            await client.upload("m", b"w", version="1.0")
    assert caught.value.code == "version_exists"
