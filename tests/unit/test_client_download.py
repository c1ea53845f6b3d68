"""Downloading, against a registry in memory."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import registry
from registry.transfer.download import connections
from registry.transfer.upload import requests
from tests.unit.client_fake import FakeRegistry, problem, times

BIG = bytes(range(256)) * 40


@pytest.fixture
def fake(serving_fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    monkeypatch.setattr(connections, "BUFFER_BYTES", 1024)
    return serving_fake


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def upload(fake: FakeRegistry, source: "bytes | Path", name: str = "m.bin") -> None:
    async with fake.client() as client:
        await client.upload("m", source, path=name if isinstance(source, bytes) else None)


async def test_a_file_is_downloaded(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, BIG)
    seen: list[tuple[int, int]] = []
    async with fake.client() as client:
        found = await client.download(
            "m", to=tmp_path / "x", progress=lambda done, total: seen.append((done, total))
        )
    assert found == tmp_path / "x"
    assert found.read_bytes() == BIG
    assert seen[-1] == (len(BIG), len(BIG))
    assert names(tmp_path) == ["x"]


async def test_into_a_folder_that_is_there(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, BIG)
    async with fake.client() as client:
        assert await client.download("m", 1, to=tmp_path) == tmp_path / "m.bin"


async def test_several_files_become_a_folder(fake: FakeRegistry, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "a").write_bytes(b"a")
    (source / "sub" / "b").write_bytes(b"b")
    await upload(fake, source)
    async with fake.client() as client:
        found = await client.download("m", to=tmp_path / "out")
    assert (found / "a").read_bytes() == b"a"
    assert (found / "sub" / "b").read_bytes() == b"b"


async def test_parts_are_checked_by_their_composite_digest(
    fake: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "HASH_FIRST_BYTES", 0)
    fake.single_put_max_bytes = 0
    await upload(fake, BIG)
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
        damaged = httpx.ByteStream(BIG[:-1] + b"!")
        fake.faults = [times(1, "^GET storage", httpx.Response(200, stream=damaged))]
        with pytest.raises(registry.DigestMismatchError, match=r"m.bin of m version 1"):
            await client.download("m", to=tmp_path / "y")
    assert not (tmp_path / "y").exists()


async def interrupted(fake: FakeRegistry, to: Path, left: bytes) -> None:
    """Have a download of one file fail, and let it look as if `left` had arrived."""
    fake.faults = [times(1, "^GET storage", httpx.Response(404))]
    async with fake.client() as client:
        with pytest.raises(registry.StorageError):
            await client.download("m", to=to)
    fake.requests.clear()
    staged(to.parent).write_bytes(left)


def staged(folder: Path) -> Path:
    """Where the bytes of a version's only file arrive."""
    (found,) = (
        path
        for path in folder.glob(".registry-download-*/*")
        if path.name not in ("lock", "journal")
    )
    return found


async def test_a_partial_file_is_continued(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, BIG)
    await interrupted(fake, tmp_path / "x", BIG[:5000])
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
    assert [r.headers["range"] for r in fake.sent("^GET /m/1")] == ["bytes=5000-"]
    assert (tmp_path / "x").read_bytes() == BIG


@pytest.mark.parametrize("left", [b"other" * 1000, b"o" * len(BIG), BIG + b"more"])
async def test_a_partial_file_of_something_else_is_replaced(
    fake: FakeRegistry, tmp_path: Path, left: bytes
) -> None:
    await upload(fake, BIG)
    await interrupted(fake, tmp_path / "x", left)
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == BIG


async def test_storage_without_ranges_starts_over(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, BIG)
    await interrupted(fake, tmp_path / "x", BIG[:5000])
    fake.faults = [times(1, "^GET storage", httpx.Response(200, stream=httpx.ByteStream(BIG)))]
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == BIG


class Cut(httpx.SyncByteStream):
    """A body that ends in the middle."""

    def __iter__(self) -> Iterator[bytes]:
        yield BIG[:4096]
        raise httpx.ReadError("gone")


async def test_a_lost_connection_is_continued_where_it_broke(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    await upload(fake, BIG)
    cut = httpx.Response(200, headers={"content-length": str(len(BIG))}, stream=Cut())
    fake.faults = [times(1, "^GET storage", cut)]
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
    assert [r.headers.get("range") for r in fake.sent("^GET /m/1")] == [None, "bytes=4096-"]
    assert (tmp_path / "x").read_bytes() == BIG


async def test_an_expired_url_is_asked_for_again(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, BIG)
    fake.faults = [times(1, "^GET storage", httpx.Response(403))]
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
    assert len(fake.sent("/downloads$")) == 2


async def test_more_bytes_than_stated_are_not_written(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, BIG)
    fake.faults = [times(9, "^GET storage", httpx.Response(200, stream=httpx.ByteStream(BIG * 2)))]
    async with fake.client() as client:
        with pytest.raises(registry.StorageError, match="more bytes"):
            await client.download("m", to=tmp_path / "x")
    assert staged(tmp_path).stat().st_size <= len(BIG)


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../evil", "a\\b", ""])
async def test_a_path_that_leads_out_is_refused(
    fake: FakeRegistry, tmp_path: Path, path: str
) -> None:
    file = {"path": path, "url": "http://storage.test/x", "expires_at": "2026-01-01T00:00:00Z"}
    digest = {"sha256": hashlib.sha256(b"").hexdigest(), "sha256_state": "verified"}
    file |= {"size_bytes": 1, "composite": None, **digest}  # pyright: ignore[reportAssignmentType]
    answer = httpx.Response(200, json={"model": "m", "number": 1, "files": [file, file]})
    fake.faults = [times(1, "/downloads", answer)]
    async with fake.client() as client:
        with pytest.raises(registry.UnsafePathError):
            await client.download("m", to=tmp_path / "x")


async def test_a_link_in_the_target_folder_does_not_lead_out(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "b").write_bytes(b"b")
    target.mkdir()
    (target / "sub").symlink_to(tmp_path)
    await upload(fake, source)
    async with fake.client() as client:
        with pytest.raises(registry.UnsafePathError):
            await client.download("m", to=target)


async def test_what_is_not_ready_is_not_downloaded(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.faults = [times(1, "/downloads", problem(409, "version_not_ready"))]
    async with fake.client() as client:
        with pytest.raises(registry.VersionNotReadyError):
            await client.download("m", to=tmp_path / "x")
