"""Fetching versions into the cache, against a registry in memory."""

import os
import stat
from pathlib import Path

import httpx
import pytest

import registry
from registry.cache import Cache, pins
from registry.cache.layout import sha256_of
from tests.unit.client_fake import FakeRegistry, problem, times

BIG = bytes(range(256)) * 40


async def uploaded(fake: FakeRegistry, model: str, files: dict[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        place = folder / model / str(len(fake.uploads)) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    async with fake.client() as client:
        await client.upload(model, folder / model / str(len(fake.uploads)))


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_a_version_is_downloaded_once_and_its_files_are_read_only(
    fake: FakeRegistry, cache: Cache, tmp_path: Path
) -> None:
    files = {"a.bin": BIG, "sub/b.txt": b"text"}
    await uploaded(fake, "churn", files, tmp_path)
    fake.aliases["churn", "production"] = 1
    fake.requests.clear()
    async with fake.client() as client:
        first = await client.fetch("churn@production", cache=cache)
        asked = len(fake.sent("^GET /churn/"))
        again = await client.fetch("churn", 1, cache=cache)
    assert content(first) == files
    assert again == first
    assert (asked, len(fake.sent("^GET /churn/"))) == (2, 2)
    assert not (first / "a.bin").stat().st_mode & 0o222
    assert (first / "a.bin").stat().st_nlink == 2
    assert not list(cache.folder.glob("incoming/*"))


@pytest.mark.parametrize("is_offline", [False, True])
@pytest.mark.parametrize("is_cut", [False, True])
async def test_a_folder_that_lacks_bytes_is_not_handed_out_again(
    fake: FakeRegistry, cache: Cache, tmp_path: Path, is_cut: bool, is_offline: bool
) -> None:
    files = {"a.bin": BIG, "b.bin": b"b"}
    await uploaded(fake, "m", files, tmp_path)
    async with fake.client() as client:
        folder = await client.fetch("m:1", cache=cache)
        (folder / "a.bin").chmod(0o644)
        if is_cut:
            os.truncate(folder / "a.bin", 3)
        else:
            (folder / "a.bin").unlink()
        if is_offline:
            with pytest.raises(registry.NotCachedError):
                await client.fetch("m:1", cache=cache, offline=True)
        else:
            assert content(await client.fetch("m:1", cache=cache)) == files


async def test_bytes_that_versions_share_are_fetched_and_kept_once(
    fake: FakeRegistry, cache: Cache, tmp_path: Path
) -> None:
    await uploaded(fake, "m", {"base": BIG, "head": b"1"}, tmp_path)
    await uploaded(fake, "m", {"base": BIG, "head": b"2"}, tmp_path)
    async with fake.client() as client:
        first = await client.fetch("m:1", cache=cache)
        fake.requests.clear()
        second = await client.fetch("m:2", cache=cache)
    assert [request.url.path for request in fake.sent("^GET /m/2")] == ["/m/2/head"]
    assert (first / "base").samefile(second / "base")
    assert content(second) == {"base": BIG, "head": b"2"}


async def test_files_of_parts_whose_sha256_is_not_known_yet_get_their_own(
    fake: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.single_put_max_bytes = 0
    async with fake.client() as client:
        await client.upload("m", BIG, path="m.bin")
        folder = await client.fetch("m", cache=cache)
    assert content(folder) == {"m.bin": BIG}
    (blob,) = cache.layout.blobs()
    assert blob.name == sha256_of(folder / "m.bin")
    assert cache.verify() == []


async def test_chosen_files_are_a_folder_of_their_own(
    fake: FakeRegistry, cache: Cache, tmp_path: Path
) -> None:
    files = {"w.bin": BIG, "config/a.json": b"{}", "config/b.json": b"[]"}
    await uploaded(fake, "m", files, tmp_path)
    async with fake.client() as client:
        chosen = await client.fetch("m", files=["*.json"], cache=cache)
        assert set(content(chosen)) == {"config/a.json", "config/b.json"}
        of_path = await client.fetch("registry://m:1/config/a.json", cache=cache)
        assert set(content(of_path)) == {"config/a.json"}
        of_folder = await client.fetch("m:1/config", cache=cache)
        assert set(content(of_folder)) == {"config/a.json", "config/b.json"}
        assert not fake.sent("^GET /m/1/w.bin")
        whole = await client.fetch("m", cache=cache)
        assert content(whole) == files
        assert await client.fetch("m", files=["*.json"], cache=cache) == whole
        with pytest.raises(
            registry.NotFoundError, match=r"no file of m version 1 matches \*\.onnx"
        ):
            await client.fetch("m", files=["*.onnx"], cache=cache)


async def test_offline_gives_what_was_fetched_by_alias_number_and_label(
    fake: FakeRegistry, cache: Cache
) -> None:
    fake.aliases["m", "production"] = 1
    async with fake.client() as client:
        await client.upload("m", b"one", path="m.bin", version="1.0")
        await client.upload("m", b"two", path="m.bin", version="2.0")
        folder = await client.fetch("m@production", cache=cache)
        fake.requests.clear()
        for ref in ("m@production", "m:1", "m@1", "m:1.0", "registry://m:1/m.bin"):
            assert await client.fetch(ref, cache=cache, offline=True) == folder
        for ref in ("m@staging", "m", "m:2", "m:2.0", "other@production"):
            with pytest.raises(registry.NotCachedError, match=r"is not in .*offline"):
                await client.fetch(ref, cache=cache, offline=True)
        assert not fake.requests
        fake.aliases["m", "production"] = 2
        moved = await client.fetch("m@production", cache=cache)
        assert content(moved) == {"m.bin": b"two"}
        assert await client.fetch("m@production", cache=cache, offline=True) == moved


def test_offline_is_said_by_the_environment_too(
    fake: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake.blocking_client() as client:
        client.upload("m", b"one", path="m.bin")
        folder = client.fetch("m:1", cache=cache)
    monkeypatch.setenv("REGISTRY_OFFLINE", "1")
    monkeypatch.setenv("REGISTRY_CACHE", str(cache.folder))
    assert registry.load("m:1", url="http://registry.test") == folder
    assert registry.load("m:1/m.bin", url="http://registry.test") == folder / "m.bin"
    with pytest.raises(registry.NotCachedError):
        registry.load("m:1", url="http://another.test")
    with pytest.raises(registry.NotCachedError):
        registry.load("m@nothing", url="http://registry.test")


async def test_an_interrupted_fetch_is_never_served_and_goes_on(
    fake: FakeRegistry, cache: Cache, tmp_path: Path
) -> None:
    await uploaded(fake, "m", {"a": BIG, "b": b"b" * 5000}, tmp_path)
    fake.faults = [times(1, "^GET storage.*/m/1/b", httpx.Response(404))]
    async with fake.client(concurrency=1) as client:
        with pytest.raises(registry.StorageError):
            await client.fetch("m", cache=cache)
        with pytest.raises(registry.NotCachedError):
            await client.fetch("m:1", cache=cache, offline=True)
        assert [each.state for each in cache.versions()] == ["partial"]
        assert not any(each.in_use for each in cache.versions())
        fake.requests.clear()
        folder = await client.fetch("m", cache=cache)
    assert len(fake.sent("^GET /m/1/a")) == 0
    assert set(content(folder)) == {"a", "b"}


async def test_what_is_not_ready_is_not_fetched(fake: FakeRegistry, cache: Cache) -> None:
    async with fake.client() as client:
        await client.upload("m", b"one")
        fake.verdict = "missing"
        with pytest.raises(registry.VersionNotReadyError, match="is missing"):
            await client.fetch("m", cache=cache)
        fake.faults = [times(1, "/versions/", problem(404, "version_not_found"))]
        with pytest.raises(registry.NotFoundError):
            await client.fetch("m", cache=cache)
    assert cache.versions() == []


async def test_another_registrys_bytes_are_not_taken(
    fake: FakeRegistry, cache: Cache, tmp_path: Path
) -> None:
    await uploaded(fake, "m", {"a": BIG}, tmp_path)
    async with fake.client() as client:
        first = await client.fetch("m", cache=cache)
    fake.requests.clear()
    async with registry.AsyncModelRegistryClient(
        "http://ingest.test", **fake.options({})
    ) as client:
        second = await client.fetch("m", cache=cache)
    assert first != second
    assert len(fake.sent("^GET /m/1/a")) == 1


@pytest.mark.parametrize("fails", [("link",), ("link", "symlink")])
async def test_where_nothing_can_be_linked_files_are_symbolic_links_or_copies(
    fake: FakeRegistry,
    cache: Cache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: tuple[str, ...],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "not permitted")

    for name in fails:
        monkeypatch.setattr(os, name, refuse)
    files = {"a": BIG, "sub/b": b"b"}
    await uploaded(fake, "m", files, tmp_path)
    async with fake.client() as client:
        folder = await client.fetch("m", cache=cache)
    assert content(folder) == files
    assert (folder / "sub/b").is_symlink() == (fails == ("link",))
    assert not stat.S_IMODE((folder / "sub/b").stat().st_mode) & 0o222
    assert cache.verify() == []
    pins.forget_all(cache.layout.pins)
    assert cache.prune(0).size_bytes == 0
    assert not folder.exists()


async def test_a_cache_that_cannot_be_written_serves_what_it_has(
    fake: FakeRegistry, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fake.client() as client:
        await client.upload("m", b"one", path="m.bin")
        folder = await client.fetch("m", cache=cache)
        monkeypatch.setattr(os, "access", lambda *_: False)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        before = (cache.layout.entry(cache.layout.entries().__next__().stem)).stat().st_mtime_ns
        assert await client.fetch("m:1", cache=cache, offline=True) == folder
        after = (cache.layout.entry(cache.layout.entries().__next__().stem)).stat().st_mtime_ns
    assert before == after
