"""`registry follow` and the storage initializer as they run beside a server."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from local.processes.ports import HOST
from registry import AsyncModelRegistryClient
from registry.cli.exit_codes import ExitCode
from shared.runtime.settings import Settings
from tests.support.api import MIB
from tests.support.command import CODE
from tests.support.killed import chosen_steps, run_killed

MOST_KILLS = int(os.environ.get("FOLLOW_KILLS", "2"))
"""Steps of a move that it is killed before; all of them in a long run."""
LINE_SECONDS = 30
FAR_SECONDS = "3600"
"""Between two looks: only an event brings the next one in time."""
WITHOUT_KAFKA = "import sys; sys.modules['aiokafka'] = None; " + CODE
WITHOUT_EVENTS = f"""
import sys
sys.modules["aiokafka"] = None
from registry import _event_stream
from registry.errors import UnavailableError

async def away(*_):
    raise UnavailableError("no streams")

_event_stream.EventSource.open = away
{CODE}
"""
RECORD = "import os; print('reloaded', os.environ['REGISTRY_VERSION'], flush=True)"


@pytest.fixture
def url(settings: Settings) -> str:
    return f"http://{HOST}:{settings.registry_port}"


def weights(version: int) -> bytes:
    return random.Random(version).randbytes(2 * MIB)  # noqa: S311 - no secret


@pytest.fixture
async def versions(client: AsyncModelRegistryClient, model: str, tmp_path: Path) -> None:
    """Three versions, of which production is the first."""
    for version in (1, 2, 3):
        folder = tmp_path / "source" / str(version)
        folder.mkdir(parents=True)
        (folder / "w.bin").write_bytes(weights(version))
        (folder / "version").write_text(str(version), encoding="ascii")
        await client.upload(model, folder)
    await client.set_alias(model, "production", 1)


@asynccontextmanager
async def following(
    *arguments: str, code: str = CODE
) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, "follow", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    async with asyncio.timeout(LINE_SECONDS):
        return (await process.stdout.readline()).decode().rstrip()


class Reader:
    """Opens the files by the link all the time, as servers do that start, and notes what it saw."""

    def __init__(self, link: Path) -> None:
        self._link, self._over = link, threading.Event()
        self.seen: list[str] = []
        self.wrong: list[str] = []
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _read(self) -> None:
        known = {str(version): weights(version) for version in (1, 2, 3)}
        while not self._over.is_set():
            folder = self._link.resolve()
            version = (folder / "version").read_text(encoding="ascii")
            if (folder / "w.bin").read_bytes() != known[version]:
                self.wrong.append(version)
            if not self.seen or self.seen[-1] != version:
                self.seen.append(version)


@pytest.mark.usefixtures("versions")
async def test_the_folder_follows_events_forth_and_back_and_is_whole_at_each_moment(
    client: AsyncModelRegistryClient, url: str, model: str, tmp_path: Path
) -> None:
    link = tmp_path / "srv" / "model"
    command = f'{sys.executable} -c "{RECORD}"'
    options = ("--url", url, "--poll", FAR_SECONDS, "--command", command)
    async with following(f"{model}@production", str(link), *options) as process:
        assert await line_of(process) == "reloaded 1"
        assert await line_of(process) == f"{link}: {model} version 1"
        with Reader(link) as reader:
            for move in (2, 3):
                await client.set_alias(model, "production", move)
                assert await line_of(process) == f"reloaded {move}"
                await line_of(process)
            await client.rollback_alias(model, "production")
            assert await line_of(process) == "reloaded 2"
            await line_of(process)
            await client.set_alias(model, "staging", 3)
        assert (reader.wrong, reader.seen) == ([], ["1", "2", "3", "2"])
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LINE_SECONDS):
            _, told = await process.communicate()
        assert (process.returncode, told) == (0, b"")
    assert (link / "w.bin").read_bytes() == weights(2)


@pytest.mark.usefixtures("versions")
async def test_without_kafka_it_hears_of_moves_over_http(
    client: AsyncModelRegistryClient, url: str, model: str, tmp_path: Path
) -> None:
    link = str(tmp_path / "model")
    arguments = (f"{model}@production", link, "--url", url, "--poll", FAR_SECONDS)
    async with following(*arguments, code=WITHOUT_KAFKA) as process:
        assert (await line_of(process)).endswith("version 1")
        assert process.stderr
        assert b"events come over HTTP" in await process.stderr.readline()
        await client.set_alias(model, "production", 3)
        assert (await line_of(process)).endswith("version 3")


@pytest.mark.usefixtures("versions")
async def test_without_events_it_looks_from_time_to_time(
    client: AsyncModelRegistryClient, url: str, model: str, tmp_path: Path
) -> None:
    arguments = (f"{model}@production", str(tmp_path / "model"), "--url", url, "--poll", "1")
    async with following(*arguments, code=WITHOUT_EVENTS) as process:
        assert (await line_of(process)).endswith("version 1")
        await client.set_alias(model, "production", 3)
        assert (await line_of(process)).endswith("version 3")
        assert process.stderr
        assert b"without events" in await process.stderr.readline()
    assert (tmp_path / "model" / "w.bin").read_bytes() == weights(3)


@pytest.mark.usefixtures("versions")
async def test_killed_before_any_step_of_a_move_the_folder_is_whole_and_the_next_look_ends_it(
    client: AsyncModelRegistryClient, url: str, model: str, tmp_path: Path
) -> None:
    counted = tmp_path / "count"

    def arguments(place: str) -> list[str]:
        log = tmp_path / f"{place}.log"
        code = f"import os; open('{log}', 'a').write(os.environ['REGISTRY_VERSION'])"
        command = f'{sys.executable} -c "{code}"'
        link = str(tmp_path / place / "model")
        return ["follow", f"{model}@production", link, "--once", "--url", url, "--command", command]

    async def run(place: str, step: int = 0) -> int:
        ended = await asyncio.to_thread(run_killed, counted, step, arguments(place), {})
        assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
        return ended.returncode

    places = [f"at-{n}" for n in range(MOST_KILLS)]
    await run("whole")
    for place in places:  # with its hard links
        copied = ("cp", "-a", str(tmp_path / "whole"), str(tmp_path / place))
        await asyncio.to_thread(subprocess.run, copied, check=True)
    await client.set_alias(model, "production", 2)
    await run("whole")
    steps = chosen_steps(int(counted.read_text()), MOST_KILLS)
    for place, step in zip(places, steps, strict=False):
        assert await run(place, step) == -signal.SIGKILL
        folder = tmp_path / place / "model"
        version = int((folder / "version").read_text(encoding="ascii"))
        assert version in (1, 2), step
        assert (folder / "w.bin").read_bytes() == weights(version), step
        assert await run(place) == 0
        assert (folder / "w.bin").read_bytes() == weights(2), step
        assert set((tmp_path / f"{place}.log").read_text()) == {"2"}, step
        left = sorted(path.name for path in (tmp_path / place).iterdir())
        assert left == [".model.versions", "model"], step


def initialize(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "registry.storage_initializer", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("versions")
async def test_the_storage_initializer_brings_a_version_into_a_folder(
    url: str, model: str, tmp_path: Path
) -> None:
    folder = tmp_path / "mnt" / "models"

    async def brought(ref: str) -> subprocess.CompletedProcess[str]:
        uri, place = f"registry://{ref}", str(folder)
        return await asyncio.to_thread(initialize, uri, place, REGISTRY_URL=url)

    done = await brought(f"{model}@production")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{model} version 1 is in {folder}\n"
    assert sorted(os.listdir(folder)) == ["version", "w.bin"]
    assert (await brought(f"{model}:2")).returncode == 0
    assert (folder / "w.bin").read_bytes() == weights(2)


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("registry://{model}@production",), ExitCode.USAGE, "usage: "),
        (("s3://bucket/model", "{folder}"), ExitCode.USAGE, "usage: "),
        (("registry://{model}/w.bin", "{folder}"), ExitCode.USAGE, "names a file"),
        (("registry://@production", "{folder}"), ExitCode.USAGE, "ref: must be"),
        (("registry://{model}@staging", "{folder}"), ExitCode.NOT_FOUND, "no model"),
        (("registry://{model}", "/dev/null/models"), ExitCode.USAGE, "cannot write"),
    ],
)
def test_what_the_storage_initializer_cannot_do_is_one_line_and_a_status(
    url: str, model: str, tmp_path: Path, arguments: tuple[str, ...], status: int, text: str
) -> None:
    told = [each.format(model=model, folder=tmp_path) for each in arguments]
    done = initialize(*told, REGISTRY_URL=url)
    assert (done.returncode, done.stdout) == (status, "")
    assert text in done.stderr
    assert done.stderr.startswith("storage_initializer: error: ")
    assert done.stderr.count("\n") == 1
