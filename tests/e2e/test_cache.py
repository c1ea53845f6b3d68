"""The cache as several processes share it: fetching at once, killed at any moment, evicted."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import registry
from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from registry.cache import Cache
from shared.runtime.settings import Settings
from tests.support.api import MIB
from tests.support.command import CODE
from tests.support.eventually import eventually
from tests.support.killed import chosen_steps, run_killed
from tests.support.storage_proxy import StorageProxy, storage_proxy

SIZE = 30 * MIB + 123
MOST_KILLS = int(os.environ.get("CACHE_KILLS", "3"))
"""Steps of a fetch that it is killed before; all of them in a long run."""


@pytest.fixture
def url(settings: Settings) -> str:
    return f"http://{HOST}:{settings.registry_port}"


@pytest.fixture
async def client(url: str) -> AsyncIterator[AsyncModelRegistryClient]:
    """A client that knows the registry by the address that the processes are given."""
    async with AsyncModelRegistryClient(url) as found:
        yield found


@pytest.fixture
def direct(settings: Settings) -> list[str]:
    ports = (settings.registry_port, settings.query_port)
    return [f"{host}:{port}" for host in (HOST, "localhost") for port in ports]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache that processes of the test find as well."""
    monkeypatch.setenv("REGISTRY_CACHE", str(tmp_path / "cache"))
    return Cache()


def noise(size_bytes: int, seed: str) -> bytes:
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - no secret


async def start_fetch(ref: str, url: str, proxy: StorageProxy) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CODE, "fetch", ref, "--url", url),
        env={**os.environ, **proxy.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def folder_of(process: asyncio.subprocess.Process) -> Path:
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return Path(out.decode().strip())


async def test_of_processes_that_fetch_at_once_one_downloads_and_all_have_it(
    client: AsyncModelRegistryClient, url: str, direct: list[str], model: str, cache: Cache
) -> None:
    data = noise(SIZE, model)
    await client.upload(model, data, path="w.bin")
    async with storage_proxy(direct) as proxy:
        processes = [await start_fetch(model, url, proxy) for _ in range(3)]
        folders = [await folder_of(process) for process in processes]
    assert len(set(folders)) == 1
    assert (folders[0] / "w.bin").read_bytes() == data
    assert sum(answer.passed_bytes for answer in proxy.answers) == SIZE


async def test_where_the_one_that_downloads_is_killed_the_next_one_goes_on(
    client: AsyncModelRegistryClient, url: str, direct: list[str], model: str, cache: Cache
) -> None:
    data = noise(SIZE, model)
    await client.upload(model, data, path="w.bin")

    async def three_parts_are_there() -> bool | None:
        journals = list(cache.folder.glob("incoming/*/files/.registry-download-*/journal"))
        return True if journals and journals[0].read_bytes().count(b"\n") >= 3 else None

    async with storage_proxy(direct) as stalled:
        stalled.budget_bytes = SIZE - 100_000  # at most three of seven parts are left to come
        first = await start_fetch(model, url, stalled)
        try:
            await eventually(three_parts_are_there)
            with pytest.raises(registry.CacheBusyError, match="another process fetches"):
                await client.fetch(model, cache=cache, wait_seconds=0.1)
        finally:
            first.kill()  # SIGKILL: nothing of it is tidied up
            await first.communicate()
    async with storage_proxy(direct) as proxy:
        folder = await folder_of(await start_fetch(model, url, proxy))
    assert (folder / "w.bin").read_bytes() == data
    passed = sum(answer.passed_bytes for answer in proxy.answers)
    assert passed <= SIZE - 3 * 5 * MIB, "verified parts were fetched again"


async def test_killed_before_any_step_it_never_serves_what_is_not_whole(
    client: AsyncModelRegistryClient, url: str, model: str, tmp_path: Path
) -> None:
    """Killed at a step, asked offline, then fetched: all of it, or the clear error; then all."""
    files = {"w.bin": noise(7 * MIB, model), "config/a.json": b"{}", "config/b.json": b"[]"}
    for path, data in files.items():
        (tmp_path / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / path).write_bytes(data)
    await client.upload(model, tmp_path / "source")
    counted = tmp_path / "count"
    arguments = ["fetch", model, "--url", url]

    def environment(step: int) -> dict[str, str]:
        return {"REGISTRY_CACHE": str(tmp_path / f"cache-{step}")}

    ended = await asyncio.to_thread(run_killed, counted, 0, arguments, environment(0))
    assert ended.returncode == 0, ended.stderr
    for step in chosen_steps(int(counted.read_text()), MOST_KILLS):
        killed = await asyncio.to_thread(run_killed, counted, step, arguments, environment(step))
        assert killed.returncode == -9, (step, killed.stderr)
        cache = Cache(environment(step)["REGISTRY_CACHE"])
        try:
            folder = await client.fetch(f"{model}:1", cache=cache, offline=True)
        except registry.NotCachedError:
            folder = await client.fetch(model, cache=cache)
        for path, data in files.items():
            assert (folder / path).read_bytes() == data, step
        assert cache.verify() == [], step
        registry.release(folder, cache=cache)
        registry.release(folder, cache=cache)
        assert cache.prune(0).size_bytes == 0, step
        left = {path.name for path in cache.folder.rglob("*") if path.is_file()}
        assert left <= {"lock", "pins", "CACHEDIR.TAG"}, step


READER = """
import json, random, sys, hashlib, registry
from registry.cache import Cache

refs, digests = json.loads(sys.argv[1]), json.loads(sys.argv[2])
chance, full = random.Random(int(sys.argv[3])), 0
with registry.ModelRegistryClient(sys.argv[4]) as client:
    for _ in range(int(sys.argv[5])):
        ref = chance.choice(refs)
        try:
            folder = client.fetch(ref)
        except registry.CacheFullError:
            full += 1
            continue
        for _ in range(3):
            found = hashlib.sha256((folder / "w.bin").read_bytes()).hexdigest()
            assert found == digests[ref], ref
        registry.release(folder)
print(full)
"""


async def test_versions_are_evicted_under_load_and_none_that_somebody_reads(
    client: AsyncModelRegistryClient,
    url: str,
    model: str,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four processes read six versions at random; the cache has room for four and a half."""
    monkeypatch.setenv("REGISTRY_CACHE_BYTES", str(450_000))
    versions = [
        await client.upload(model, noise(100_000, f"{model}{n}"), path="w.bin") for n in range(6)
    ]
    refs = [f"{model}:{version.number}" for version in versions]
    known = {ref: version.artifacts[0].sha256 for ref, version in zip(refs, versions, strict=True)}
    turns = os.environ.get("CACHE_TURNS", "15")
    readers = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", READER, json.dumps(refs), json.dumps(known)),
            *(str(seed), url, turns),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for seed in range(4)
    ]
    for reader in readers:
        async with asyncio.timeout(300):
            out, err = await reader.communicate()
        assert reader.returncode == 0, err.decode()
        assert out.decode() == "0\n", "there was room for one version of each"
    assert sum(path.stat().st_size for path in cache.folder.glob("blobs/*/*/*")) <= 450_000
    assert cache.verify() == []
    assert not any(each.in_use for each in cache.versions())


async def test_what_was_fetched_is_read_while_the_registry_is_not_asked(
    client: AsyncModelRegistryClient, url: str, model: str, cache: Cache
) -> None:
    await client.upload(model, b"one", path="w.bin")
    await client.set_alias(model, "production", 1)
    ref = f"{model}@production"
    folder = await asyncio.to_thread(registry.load, ref, url=url)
    assert (folder / "w.bin").read_bytes() == b"one"
    await client.upload(model, b"two", path="w.bin")
    await client.set_alias(model, "production", 2)
    then = await asyncio.to_thread(registry.load, ref, url=url, offline=True)
    assert then == folder
    now = await asyncio.to_thread(registry.load, ref, url=url)
    assert (now / "w.bin").read_bytes() == b"two"
    moment = (await client.get_alias(model, "production")).at.isoformat()
    at = await asyncio.to_thread(registry.load, f"{ref}?at={moment}", url=url)
    assert at == now
    nowhere = "http://127.0.0.1:9"
    with pytest.raises(registry.NotCachedError, match="of http://127"):
        await asyncio.to_thread(registry.load, ref, url=nowhere, offline=True)
