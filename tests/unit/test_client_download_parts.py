"""Downloads whose parts have digests of their own, against a registry in memory."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import httpx
import pytest

import registry
from registry.transfer.download import pieces
from tests.unit.client_fake import SECRET, STORAGE, FakeRegistry, Fault, ranged, times
from tests.unit.client_fake import problem as told_problem

DATA = bytes(range(256)) * 40  # ten parts of 1,000 bytes, and one of 240
PART = 1000


@pytest.fixture
def fake(serving_fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    monkeypatch.setattr(pieces, "SMALL_RUN_BYTES", 0)
    monkeypatch.setattr(pieces, "RUN_BYTES", 2 * PART)
    serving_fake.keeps_part_digests = True
    serving_fake.part_size_bytes = PART
    return serving_fake


async def upload(fake: FakeRegistry, files: dict[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    async with fake.client() as client:
        await client.upload("m", folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def staged(folder: Path, name: str) -> Path:
    (found,) = folder.glob(f".registry-download-*/{name}")
    return found


def asked(fake: FakeRegistry, path: str = "") -> list[int]:
    """Numbers of the parts that storage was asked for, in order."""
    numbers: list[int] = []
    for request in fake.sent(f"^GET /m/\\d+/{path}"):
        whole = f"bytes=0-{len(DATA) - 1}"
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", whole))
        assert match
        last = int(match[2] or len(DATA) - 1)
        numbers += range(int(match[1]) // PART + 1, last // PART + 2)
    return numbers


def flipped(fake: FakeRegistry, key: str, place: int, count: int) -> Fault:
    """Flip a byte of an object in the first `count` answers that hold it."""
    good = fake.objects[key]
    bad = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
    left = count

    def fault(request: httpx.Request) -> httpx.Response | None:
        nonlocal left
        answer = ranged(request, bad) if request.url.path == f"/{key}" else None
        if answer is None or left == 0 or answer.read() in good:
            return None
        left -= 1
        return ranged(request, bad)

    return fault


async def test_parts_come_side_by_side_and_pages_go_on(fake: FakeRegistry, tmp_path: Path) -> None:
    files = {"a": DATA, "b": b"b", "c/d": DATA[::-1]}
    await upload(fake, files, tmp_path / "source")
    seen: list[tuple[int, int]] = []
    async with fake.client() as client:
        found = await client.download(
            "m", to=tmp_path / "out", progress=lambda done, total: seen.append((done, total))
        )
    assert contents(found) == files
    assert len(fake.sent("/downloads$")) == 8  # 23 digests, three on a page
    assert sorted(asked(fake, "a")) == list(range(1, 12))
    assert seen[-1] == (len(DATA) * 2 + 1, len(DATA) * 2 + 1)


async def test_a_flipped_byte_is_fetched_again(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    fake.faults = [flipped(fake, "m/1/w", 4321, 3)]
    async with fake.client(concurrency=1) as client:
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert [asked(fake).count(number) for number in (4, 5, 11)] == [1, 4, 1]
    again = [r for r in fake.sent("^GET /m/1") if "cache-control" in r.headers]
    assert len(again) == 3


async def test_a_byte_that_stays_wrong_names_its_part(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    fake.faults = [flipped(fake, "m/1/w", 4321, 99)]
    async with fake.client(concurrency=1) as client:
        with pytest.raises(registry.DigestMismatchError, match=r"w of m version 1: part 5 of 11: "):
            await client.download("m", to=tmp_path / "x")
    assert asked(fake).count(5) == 4
    assert not (tmp_path / "x").exists()


async def test_what_was_verified_is_not_fetched_again(fake: FakeRegistry, tmp_path: Path) -> None:
    files = {"a": DATA, "b": b"b", "w": DATA[::-1]}
    await upload(fake, files, tmp_path / "source")
    fake.faults = [times(1, "^GET storage.test/m/1/w", httpx.Response(404))]
    async with fake.client(concurrency=1) as client:
        with pytest.raises(registry.StorageError):
            await client.download("m", to=tmp_path / "out")
        assert asked(fake, "a") == list(range(1, 12))
        fake.requests.clear()
        await client.download("m", to=tmp_path / "out")
    assert contents(tmp_path / "out") == files
    assert asked(fake, "a") == []
    assert asked(fake, "b") == []
    assert sorted(asked(fake, "w")) == list(range(1, 12))


@pytest.mark.parametrize("keeps_part_digests", [True, False])
async def test_an_interrupted_file_is_continued_in_any_order(
    fake: FakeRegistry, tmp_path: Path, keeps_part_digests: bool
) -> None:
    fake.keeps_part_digests, fake.single_put_max_bytes = keeps_part_digests, PART
    await upload(fake, {"w": DATA}, tmp_path / "source")
    fake.faults = [lambda r: httpx.Response(404) if "=6000-" in str(r.headers) else None]
    async with fake.client(concurrency=1) as client:
        with pytest.raises(registry.StorageError):
            await client.download("m", to=tmp_path / "x")
        before = asked(fake)
        assert before[-1] in (7, 8)
        fake.faults = []
        fake.requests.clear()
        journal = staged(tmp_path, "journal")
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:2] + lines[3:]))  # as if the third had come later
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert sorted(asked(fake)) == [3, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("keeps_part_digests", [True, False])
async def test_bytes_that_changed_on_this_machine_are_fetched_again(
    fake: FakeRegistry, tmp_path: Path, keeps_part_digests: bool
) -> None:
    fake.keeps_part_digests, fake.single_put_max_bytes = keeps_part_digests, PART
    await upload(fake, {"w": DATA}, tmp_path / "source")
    fake.faults = [lambda r: httpx.Response(404) if "=6000-" in str(r.headers) else None]
    async with fake.client(concurrency=1) as client:
        with pytest.raises(registry.StorageError):
            await client.download("m", to=tmp_path / "x")
        fake.faults = []
        fake.requests.clear()
        arrived = staged(tmp_path, "?" * 32)
        data = arrived.read_bytes()
        arrived.write_bytes(data[:1500] + b"?" + data[1501:])
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert sorted(asked(fake)) == [2, 7, 8, 9, 10, 11]


async def test_a_composite_that_comes_out_wrong_after_a_resume_starts_over(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.keeps_part_digests, fake.single_put_max_bytes = False, PART
    await upload(fake, {"w": DATA}, tmp_path / "source")
    stop = times(1, "^GET storage.test/m/1/w", httpx.Response(404))

    def late(request: httpx.Request) -> httpx.Response | Exception | None:
        return stop(request) if "=10000-" in str(request.headers) else None

    # Nothing tells which part is wrong, so its digest goes into the journal like any other.
    fake.faults = [late, flipped(fake, "m/1/w", 4321, 1)]
    async with fake.client(concurrency=1) as client:
        with pytest.raises(registry.StorageError):
            await client.download("m", to=tmp_path / "x")
        fake.requests.clear()
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert asked(fake)[0] == 11
    assert sorted(asked(fake)[1:]) == list(range(1, 12))


async def test_a_version_may_hold_a_file_named_like_a_partial_one(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    files = {"w": DATA, "w.part": DATA[::-1], "w.part.part": b"third"}
    await upload(fake, files, tmp_path / "source")
    async with fake.client() as client:
        for place in ("one", "two", "one"):
            await client.download("m", to=tmp_path / place)
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == files


async def test_a_thousand_small_files(fake: FakeRegistry, tmp_path: Path) -> None:
    fake.page_parts = 300
    files = {f"{number % 7}/{number}": b"%d" % number for number in range(1000)}
    await upload(fake, files, tmp_path / "source")
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "out")
    assert contents(tmp_path / "out") == files
    assert len(fake.sent("^GET /m/1/")) == 1000


class Held:
    """Holds storage's answers back until it is let go."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()

    def __call__(self, request: httpx.Request) -> None:
        if request.url.host == "storage.test":
            self.reached.set()
            self.released.wait()


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.released.set()


async def test_the_same_download_twice_at_once_is_refused(
    fake: FakeRegistry, held: Held, tmp_path: Path
) -> None:
    await upload(fake, {"a": DATA, "b": b"b"}, tmp_path / "source")
    fake.faults = [held]
    async with fake.client() as client, anyio.create_task_group() as group:
        group.start_soon(lambda: client.download("m", to=tmp_path / "out"))
        await anyio.to_thread.run_sync(held.reached.wait)
        with pytest.raises(registry.DestinationError, match=r"another download of m version 1"):
            await client.download("m", to=tmp_path / "out")
        held.released.set()
    assert contents(tmp_path / "out") == {"a": DATA, "b": b"b"}


async def test_two_versions_into_one_folder_at_once_do_not_meet(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    await upload(fake, {"a": DATA, "b": b"1"}, tmp_path / "1")
    await upload(fake, {"a": DATA[::-1], "c": b"2"}, tmp_path / "2")
    async with fake.client() as client, anyio.create_task_group() as group:
        for version in (1, 2):
            group.start_soon(
                lambda version: client.download("m", version, to=tmp_path / "out"), version
            )
    found = contents(tmp_path / "out")
    assert found.pop("a") in (DATA, DATA[::-1])
    assert found == {"b": b"1", "c": b"2"}


async def test_what_an_earlier_version_left_goes_when_a_later_one_is_there(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    await upload(fake, {"w": DATA[::-1]}, tmp_path / "source")
    fake.faults = [times(1, "^GET storage", httpx.Response(404))]
    (tmp_path / "out").mkdir()
    async with fake.client() as client:
        with pytest.raises(registry.StorageError):
            await client.download("m", 1, to=tmp_path / "out" / "x")
        await client.download("m", 2, to=tmp_path / "out" / "x")
    assert contents(tmp_path / "out") == {"x": DATA[::-1]}


async def test_a_cancelled_download_ends_while_storage_is_silent(
    fake: FakeRegistry, held: Held, tmp_path: Path
) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    fake.faults = [held]
    async with fake.client() as client:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: client.download("m", to=tmp_path / "x"))
            await anyio.to_thread.run_sync(held.reached.wait)
            group.cancel_scope.cancel()
        held.released.set()
        fake.faults = []
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA


async def test_an_error_of_one_file_ends_the_others_at_once(
    fake: FakeRegistry, held: Held, tmp_path: Path
) -> None:
    await upload(fake, {"a": b"a", "b": DATA}, tmp_path / "source")

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/a"):
            held.reached.wait()
            return httpx.Response(404)
        return held(request)

    fake.faults = [fault]
    async with fake.client() as client:
        with pytest.raises(registry.StorageError, match="cannot download a of m version 1"):
            await client.download("m", to=tmp_path / "out")


async def test_an_expired_url_is_signed_anew_once_for_all(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    fake.page_parts = 100
    await upload(fake, {"w": DATA}, tmp_path / "source")

    def expired(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "storage.test" or "fresh" in request.url.params:
            return None
        fake.signature = f"{SECRET}&fresh=1"
        return httpx.Response(403, content=b"<Error><Code>AccessDenied</Code></Error>")

    fake.faults = [expired]
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert len(fake.sent("/downloads$")) == 2


async def test_a_redirect_is_not_followed(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    elsewhere = {"location": f"{fake.storage_url}/elsewhere"}
    fake.faults = [times(9, "^GET storage.test/m", httpx.Response(307, headers=elsewhere))]
    async with fake.client() as client:
        with pytest.raises(registry.StorageError, match="storage answered 307"):
            await client.download("m", to=tmp_path / "x")
    assert not fake.sent("elsewhere")


async def test_two_names_of_one_file_are_refused(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, {"a/w": DATA, "b/w": b"b"}, tmp_path / "source")
    (tmp_path / "out" / "b").mkdir(parents=True)
    (tmp_path / "out" / "a").symlink_to("b")
    async with fake.client() as client:
        with pytest.raises(registry.DestinationError, match="another file of the version"):
            await client.download("m", to=tmp_path / "out")


async def test_a_proxy_of_the_environment_is_asked(
    fake: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    monkeypatch.setenv("http_proxy", fake.storage_url.replace("//", "//user:p%40ss@"))
    fake.storage_url = STORAGE
    async with fake.client() as client:
        await client.download("m", to=tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA
    assert fake.sent("^GET /m")[0].headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"


@pytest.mark.parametrize(
    ("proxy", "told"), [("http", "the proxy answered 501"), ("socks5", "a proxy by socks5")]
)
async def test_a_proxy_that_refuses_is_told_without_the_url(
    fake: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str, told: str
) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    async with fake.client() as client:
        monkeypatch.setenv("https_proxy", fake.storage_url.replace("http", proxy))
        fake.storage_url = "https://storage.test"
        with pytest.raises(registry.StorageError, match=told) as caught:
            await client.download("m", to=tmp_path / "x")
    assert SECRET not in repr(caught.value)


async def test_pages_that_do_not_fit_are_no_answer(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    fake.faults = [
        times(1, "/downloads", httpx.Response(200, json={"model": "m", "number": 1, "files": []}))
    ]
    async with fake.client() as client:
        with pytest.raises(registry.ProtocolError):
            await client.download("m", to=tmp_path / "x")


async def test_a_version_that_goes_meanwhile_is_told(fake: FakeRegistry, tmp_path: Path) -> None:
    await upload(fake, {"w": DATA}, tmp_path / "source")
    fake.faults = [
        times(9, "^GET storage", httpx.Response(403)),
        lambda r: (
            told_problem(409, "version_not_ready") if len(fake.sent("/downloads")) > 4 else None
        ),
    ]
    async with fake.client() as client:
        with pytest.raises(registry.VersionNotReadyError):
            await client.download("m", to=tmp_path / "x")
