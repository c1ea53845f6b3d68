"""`registry://` for fsspec, against a registry in memory."""

import pickle
import random
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest

import registry
from registry.fs import RegistryFileSystem
from registry.transfer import reading
from tests.unit.client_fake import FakeRegistry, problem, times

BIG = random.Random(6).randbytes(30_000)  # noqa: S311 - no secret
Fs = Any
"""A RegistryFileSystem: most of what it inherits has no types."""
FILES = {"w.bin": BIG, "config/a.json": b"{}", "config/deep/b.json": b"[1]"}


@pytest.fixture
def fake(serving_fake: FakeRegistry, tmp_path: Path) -> FakeRegistry:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with serving_fake.blocking_client() as client:
        client.upload("m", tmp_path)
    serving_fake.aliases["m", "production"] = 1
    serving_fake.requests.clear()
    return serving_fake


@pytest.fixture
def fs(fake: FakeRegistry) -> Fs:
    return RegistryFileSystem(client=fake.blocking_client, skip_instance_cache=True)


def test_it_is_found_by_its_name(fake: FakeRegistry) -> None:
    known: Any = fsspec
    assert known.get_filesystem_class("registry") is RegistryFileSystem
    opened = known.open("registry://m@production/w.bin", client=fake.blocking_client)
    with opened as file:
        assert file.read(10) == BIG[:10]


def test_versions_are_folders(fs: Fs) -> None:
    assert fs.ls("", detail=False) == ["m"]
    assert fs.ls("registry://m@production", detail=False) == [
        "m@production/config",
        "m@production/w.bin",
    ]
    assert fs.ls("m:1/config", detail=False) == ["m:1/config/a.json", "m:1/config/deep"]
    assert fs.find("m") == [f"m/{path}" for path in sorted(FILES)]
    assert fs.glob("m@production/**/*.json") == [
        *("m@production/config/a.json", "m@production/config/deep/b.json")
    ]
    assert fs.glob("m@production/*.bin") == ["m@production/w.bin"]
    assert (fs.isdir("m:1/config"), fs.isfile("m:1/config"), fs.isfile("m:1/w.bin")) == (
        *(True, False, True),
    )
    found = fs.info("m@production/w.bin")
    assert (found["size"], found["version"], found["type"]) == (len(BIG), 1, "file")
    assert fs.du("m") == sum(map(len, FILES.values()))
    assert fs.resolve("registry://m@production/w.bin") == "m:1/w.bin"
    assert fs.exists("m:1/w.bin")
    assert not fs.exists("m:1/x.bin")
    assert not fs.exists("other/x.bin")


def test_what_a_file_gives_is_what_a_local_one_gives(fs: Fs, tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    with (tmp_path / "w.bin").open("rb") as local:
        for cache_type, block in (("readahead", 1000), ("none", 1000), ("bytes", 7000)):
            with fs.open("m:1/w.bin", cache_type=cache_type, block_size=block) as file:
                for _ in range(60):
                    place, count = chance.randrange(31_000), chance.choice([0, 1, 700, 9000, -1])
                    local.seek(place)
                    file.seek(place)
                    assert file.read(count) == local.read(count)
    for start, end in ((None, None), (5, None), (-7, None), (5, -5), (29_990, 40_000), (9, 3)):
        assert fs.cat_file("m:1/w.bin", start, end) == BIG[start:end]
    fs.get("m:1/config", str(tmp_path / "got"), recursive=True)
    assert (tmp_path / "got" / "deep" / "b.json").read_bytes() == b"[1]"


def test_a_url_that_expires_in_the_middle_is_signed_again(fs: Fs, fake: FakeRegistry) -> None:
    with fs.open("m@production/w.bin", block_size=1000, cache_type="none") as file:
        assert file.read(1000) == BIG[:1000]
        fake.faults = [times(1, "^GET storage", httpx.Response(403))]
        assert file.read(1000) == BIG[1000:2000]
        assert len(fake.sent("/downloads$")) == 2
        fake.faults = [times(2, "^GET storage", httpx.Response(403))]
        with pytest.raises(
            registry.StorageError, match=r"w\.bin of m version 1: storage answered 403"
        ):
            file.read(1000)
        fake.faults = [times(2, "^GET storage", httpx.Response(503))]
        assert file.read(1000) == BIG[2000:3000]


def test_a_file_that_is_open_stays_that_of_its_version(fs: Fs, fake: FakeRegistry) -> None:
    with fake.blocking_client() as client:
        client.upload("m", b"other" * 100, path="w.bin")
    with fs.open("m@production/w.bin", block_size=1000, cache_type="none") as file:
        file.read(1000)
        fake.aliases["m", "production"] = 2
        assert file.read(1000) == BIG[1000:2000]
        assert fs.info("m@production/w.bin")["version"] == 1, "kept for a minute"
        fs.invalidate_cache()
        assert fs.cat_file("m@production/w.bin") == b"other" * 100
        assert file.read(1000) == BIG[2000:3000]


def test_details_of_a_number_are_asked_for_once_and_those_of_an_alias_again(
    fake: FakeRegistry,
) -> None:
    fs: Fs = RegistryFileSystem(
        client=fake.blocking_client, moving_seconds=0, skip_instance_cache=True
    )
    for _ in range(3):
        fs.info("m:1/w.bin")
    assert len(fake.sent("/versions/1$")) == 1
    for _ in range(3):
        fs.info("m@production/w.bin")
    assert len(fake.sent("/versions/@production$|/versions/%40production$")) == 3


def test_errors_are_those_of_files(fs: Fs, fake: FakeRegistry) -> None:
    for path in ("m:9/w.bin", "m:1/x", "other@production/w.bin"):
        with pytest.raises(FileNotFoundError):
            fs.open(path)
    with pytest.raises(IsADirectoryError):
        fs.open("m:1/config")
    with pytest.raises(IsADirectoryError):
        fs.cat_file("m:1/config")
    with pytest.raises(NotImplementedError, match="read only"):
        fs.open("m:1/w.bin", "wb")
    fake.faults = [times(1, "/versions/", problem(403, "forbidden"))]
    fs.invalidate_cache()
    with pytest.raises(PermissionError):
        fs.open("m:1/w.bin")
    fake.faults = [times(9, "/versions/", httpx.Response(503))]
    with pytest.raises(registry.UnavailableError):
        fs.exists("m:1/w.bin")
    fake.faults = []
    fake.verdict = "missing"
    with pytest.raises(registry.VersionNotReadyError):
        fs.open("m:1/w.bin")


def test_a_whole_file_that_arrives_changed_is_refused(fs: Fs, fake: FakeRegistry) -> None:
    stated = {"content-range": f"bytes 0-{len(BIG) - 1}/{len(BIG)}"}
    changed = httpx.ByteStream(bytes(reversed(BIG)))
    fake.faults = [times(1, "^GET storage", httpx.Response(206, headers=stated, stream=changed))]
    with pytest.raises(registry.DigestMismatchError):
        fs.cat_file("m:1/w.bin")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(206, headers={"content-range": "bytes 5-9/30000"}), "another range"),
        (httpx.Response(416), "416"),
    ],
)
def test_another_range_than_was_asked_for_is_refused(
    fs: Fs, fake: FakeRegistry, answer: httpx.Response, error: str
) -> None:
    fake.faults = [times(9, "^GET storage", answer)]
    with pytest.raises(registry.StorageError, match=error):
        fs.cat_file("m:1/w.bin", 0, 5)


def test_storage_without_ranges_is_read_up_to_the_end_of_the_range(
    fs: Fs, fake: FakeRegistry
) -> None:
    fake.faults = [times(1, "^GET storage", httpx.Response(200, stream=httpx.ByteStream(BIG)))]
    assert fs.cat_file("m:1/w.bin", 100, 200) == BIG[100:200]


def test_cached_files_are_those_of_the_cache_also_offline(
    fake: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_CACHE", str(tmp_path / "cache"))
    options: dict[str, Any] = {"client": fake.blocking_client, "skip_instance_cache": True}
    cached: Fs = RegistryFileSystem(cached=True, **options)
    with cached.open("m@production/w.bin") as file:
        assert file.read() == BIG
    fake.requests.clear()
    offline: Fs = RegistryFileSystem(offline=True, **options)
    with offline.open("m@production/w.bin") as file:
        assert file.read() == BIG
    with pytest.raises(registry.NotCachedError):
        offline.open("m@production/config/a.json")
    assert not fake.requests


def test_it_is_pickled_by_its_options() -> None:
    fs: Fs = RegistryFileSystem(url="http://registry.test")
    assert pickle.loads(pickle.dumps(fs)) == fs  # noqa: S301 - our own


def test_urls_are_kept_up_to_a_bound(
    fs: Fs, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_KEPT_URLS", 1)
    for path in ("w.bin", "config/a.json", "w.bin"):
        fs.cat_file(f"m:1/{path}")
    assert len(fake.sent("/downloads$")) == 3


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        ("mkdir", ["m:1/new"]),
        ("makedirs", ["m:1/new/deep"]),
        ("rmdir", ["m:1/config"]),
        ("touch", ["m:1/w.bin"]),
        ("rm", ["m:1/w.bin"]),
        ("delete", ["m:1/config", True]),
        ("copy", ["m:1/w.bin", "m:1/x.bin"]),
        ("mv", ["m:1/w.bin", "m:1/x.bin"]),
        ("pipe", ["m:1/w.bin", b"x"]),
        ("write_text", ["m:1/w.bin", "x"]),
        ("put", [__file__, "m:1/x.bin"]),
    ],
)
def test_every_change_is_refused_with_the_reason(fs: Fs, change: str, arguments: list[Any]) -> None:
    with pytest.raises(NotImplementedError, match="read only"):
        getattr(fs, change)(*arguments)
