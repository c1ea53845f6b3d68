"""Downloads of large files as a user runs them: killed, lied to on the way, and with odd names."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from registry.cli.exit_codes import ExitCode
from registry.errors import NotFoundError
from registry.transfer.download.journal import LINE
from shared.runtime.settings import Settings
from tests.support.api import MIB
from tests.support.command import CODE
from tests.support.eventually import eventually
from tests.support.storage_proxy import StorageProxy, storage_proxy

PART = 5 * MIB
SIZE = 60 * MIB + 12345
PART_COUNT = 13


@pytest.fixture(scope="module")
def url(settings: Settings) -> str:
    return f"http://{HOST}:{settings.registry_port}"


@pytest.fixture(scope="module")
def direct(settings: Settings) -> list[str]:
    """What is not asked through the proxy: both services, by either name."""
    ports = (settings.registry_port, settings.query_port)
    return [f"{host}:{port}" for host in (HOST, "localhost") for port in ports]


@pytest.fixture
async def proxy(direct: list[str]) -> AsyncIterator[StorageProxy]:
    async with storage_proxy(direct) as proxy:
        yield proxy


async def published(url: str, model: str, files: dict[str, bytes], folder: Path) -> Path:
    """Upload files as a version, and return the folder that they came from."""
    await asyncio.to_thread(folder.mkdir)
    for path, data in files.items():
        await asyncio.to_thread((folder / path).write_bytes, data)
    async with AsyncModelRegistryClient(url) as client:
        await client.upload(model, folder)
    return folder


async def start_download(url: str, model: str, to: Path, proxy: StorageProxy) -> Process:
    arguments = ["-c", CODE, "download", model, "--to", str(to), "--url", url]
    environment = {**os.environ, **proxy.environment()}
    return await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=PIPE, stderr=PIPE
    )


async def end_of(process: Process) -> tuple[int, str]:
    """Wait for the end; returns the exit code and what was said of an error."""
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


def verified_parts(folder: Path) -> set[int]:
    """Numbers that the journal of the download in a folder names."""
    return {
        int(match[2])
        for journal in folder.glob(".registry-download-*/journal")
        for match in LINE.finditer(journal.read_bytes())
    }


def places_of(part: int) -> range:
    return range((part - 1) * PART, min(part * PART, SIZE))


async def test_a_killed_download_goes_on_and_fetches_no_verified_byte_again(
    url: str, model: str, tmp_path: Path, direct: list[str]
) -> None:
    data = os.urandom(SIZE)
    await published(url, model, {"w.bin": data}, tmp_path / "source")
    folder = tmp_path / "out"
    folder.mkdir()

    async def three_are_verified() -> set[int] | None:
        found = verified_parts(folder)
        return found if len(found) >= 3 else None

    async with storage_proxy(direct) as proxy:
        proxy.budget_bytes = 56 * MIB  # eight parts at once: three are whole in any case
        process = await start_download(url, model, folder / "w.bin", proxy)
        async with asyncio.timeout(60):
            await proxy.spent.wait()
        await eventually(three_are_verified)
        process.send_signal(signal.SIGKILL)
        assert (await end_of(process))[0] == -signal.SIGKILL
    assert not (folder / "w.bin").exists()
    verified = verified_parts(folder)

    async with storage_proxy(direct) as proxy:
        process = await start_download(url, model, folder / "w.bin", proxy)
        assert await end_of(process) == (0, "")
    assert (folder / "w.bin").read_bytes() == data
    assert os.listdir(folder) == ["w.bin"]
    kept = sum(len(places_of(part)) for part in verified)
    assert sum(answer.passed_bytes for answer in proxy.answers) == SIZE - kept
    for answer in proxy.answers:
        assert not any(answer.first in places_of(part) for part in verified)


async def test_a_byte_that_changes_on_the_way_costs_its_range_once_more(
    url: str, model: str, tmp_path: Path, proxy: StorageProxy
) -> None:
    data = os.urandom(SIZE)
    await published(url, model, {"w.bin": data}, tmp_path / "source")
    proxy.flip_at, proxy.flips_left = 4 * PART + 4321, 1
    process = await start_download(url, model, tmp_path / "w.bin", proxy)
    assert await end_of(process) == (0, "")
    assert (tmp_path / "w.bin").read_bytes() == data
    assert proxy.flips_left == 0
    [again] = [answer for answer in proxy.answers if answer.is_uncached]
    assert again.first == places_of(5).start
    for part in range(1, PART_COUNT + 1):
        asked = sum(places_of(part).start in answer.asked for answer in proxy.answers)
        assert asked == (2 if part == 5 else 1), f"part {part}"


async def test_a_byte_that_stays_wrong_ends_the_download_with_the_parts_name(
    url: str, model: str, tmp_path: Path, proxy: StorageProxy
) -> None:
    await published(url, model, {"w.bin": os.urandom(SIZE)}, tmp_path / "source")
    proxy.flip_at, proxy.flips_left = 4 * PART + 4321, 100
    process = await start_download(url, model, tmp_path / "w.bin", proxy)
    code, said = await end_of(process)
    assert code == ExitCode.DIGEST_MISMATCH
    words = rf"w\.bin of {model} version 1: part 5 of {PART_COUNT}: the bytes that arrived are not"
    assert re.search(words, " ".join(said.split())), said
    assert not (tmp_path / "w.bin").exists()
    assert 5 not in verified_parts(tmp_path)


async def test_a_version_may_hold_a_file_and_one_named_like_its_part(
    url: str, model: str, tmp_path: Path, proxy: StorageProxy
) -> None:
    files = {"w": os.urandom(12 * MIB), "w.part": os.urandom(7 * MIB), "w.part.part": b"third"}
    await published(url, model, files, tmp_path / "source")
    for place in ("one", "two", "one"):
        process = await start_download(url, model, tmp_path / place, proxy)
        assert await end_of(process) == (0, "")
        found = {path.name: path.read_bytes() for path in (tmp_path / place).iterdir()}
        assert found == files


async def test_one_file_of_a_version_is_downloaded_by_its_path(
    client: AsyncModelRegistryClient, model: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    (source / "one.bin").write_bytes(b"one")
    (source / "below" / "two.bin").write_bytes(b"two")
    await client.upload(model, source)
    here = await client.download(model, 1, to=tmp_path / "here.bin", path="one.bin")
    assert (here, here.read_bytes()) == (tmp_path / "here.bin", b"one")
    await client.download(model, 1, to=tmp_path / "folder", path="below/two.bin")
    assert [each.name for each in (tmp_path / "folder").rglob("*.bin")] == ["two.bin"]
    with pytest.raises(NotFoundError, match=r"has no file 'three\.bin'"):
        await client.download(model, 1, to=tmp_path / "three.bin", path="three.bin")
