"""Following an alias, look by look, against a registry in memory."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

import registry
from registry._refs import Ref
from registry.following.command import CommandFailedError, run_command
from registry.following.follower import Follower, Options, notify_ready
from registry.following.target import Target
from registry.transfer.progress import Progress
from tests.unit.client_fake import FakeRegistry, times

REF = Ref("m", "@production")
RECORD = "import os, sys; open(sys.argv[1], 'a').write(os.environ['REGISTRY_VERSION'] + '\\n')"


@pytest.fixture
def fake(serving_fake: FakeRegistry) -> FakeRegistry:
    with serving_fake.blocking_client() as client:
        for data in (b"one", b"two", b"three"):
            client.upload("m", data * 100, path="w.bin")
    serving_fake.aliases["m", "production"] = 1
    return serving_fake


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path / "srv" / "model")


@pytest.fixture
async def follower(fake: FakeRegistry, target: Target, tmp_path: Path) -> AsyncIterator[Follower]:
    command = (sys.executable, "-c", RECORD, str(tmp_path / "log"))
    (tmp_path / "srv").mkdir()
    async with fake.client() as client:
        yield Follower(client, REF, target, Options(command=command, keep=1))


def content(target: Target) -> bytes:
    return (target.link / "w.bin").read_bytes()


def kept(target: Target) -> set[int]:
    return {each.number for each in target.cache.versions()}


async def test_a_fetch_tells_how_far_it_is_and_a_look_that_fetches_nothing_is_silent(
    follower: Follower,
) -> None:
    told: list[tuple[str, int, int]] = []

    @contextmanager
    def watch(title: str) -> Generator[Progress]:
        yield lambda done, total: told.append((title, done, total))

    follower.watch = watch
    await follower.settle()
    assert told[-1] == ("fetch m:1", 300, 300)
    told.clear()
    await follower.settle()
    assert told == []


async def test_the_link_leads_to_what_the_alias_names_and_back(
    fake: FakeRegistry, follower: Follower, target: Target, tmp_path: Path
) -> None:
    first = await follower.settle()
    assert (first.number, first.moved, content(target)) == (1, True, b"one" * 100)
    assert not os.path.isabs(os.readlink(target.link))
    fake.aliases["m", "production"] = 2
    assert (await follower.settle()).moved
    assert content(target) == b"two" * 100
    assert kept(target) == {1, 2}
    fake.requests.clear()
    fake.aliases["m", "production"] = 1
    assert (await follower.settle()).number == 1
    assert content(target) == b"one" * 100
    assert not fake.sent("^GET /m/"), "what was there before is not downloaded again"
    assert not (await follower.settle()).moved
    fake.aliases["m", "production"] = 3
    await follower.settle()
    assert kept(target) == {1, 3}
    assert (tmp_path / "log").read_text().split() == ["1", "2", "1", "3"]


async def test_the_folder_before_stays_until_the_new_one_is_whole(
    fake: FakeRegistry, follower: Follower, target: Target
) -> None:
    await follower.settle()
    fake.aliases["m", "production"] = 2
    fake.faults = [times(9, "^GET storage", httpx.Response(404))]
    with pytest.raises(registry.StorageError):
        await follower.settle()
    assert content(target) == b"one" * 100
    del fake.aliases["m", "production"]
    with pytest.raises(registry.NotFoundError):
        await follower.settle()
    assert content(target) == b"one" * 100


async def test_a_command_that_failed_is_run_again_and_the_link_stays_moved(
    fake: FakeRegistry, follower: Follower, target: Target, tmp_path: Path
) -> None:
    (tmp_path / "log").mkdir()  # the command cannot write there
    for _ in range(2):
        with pytest.raises(CommandFailedError, match="ended with status 1"):
            await follower.settle()
        assert content(target) == b"one" * 100
    (tmp_path / "log").rmdir()
    assert not (await follower.settle()).moved
    assert (tmp_path / "log").read_text() == "1\n"


async def test_the_command_is_run_for_a_version_that_is_gone_back_to_from_one_it_failed_for(
    fake: FakeRegistry, follower: Follower, tmp_path: Path
) -> None:
    await follower.settle()
    log = tmp_path / "log"
    log.rename(tmp_path / "before")
    log.mkdir()  # the command cannot write there
    fake.aliases["m", "production"] = 2
    with pytest.raises(CommandFailedError):
        await follower.settle()
    log.rmdir()
    fake.aliases["m", "production"] = 1
    await follower.settle()
    assert log.read_text() == "1\n"


async def test_a_swap_leaves_what_others_have_beside_the_link(target: Target) -> None:
    target.link.parent.mkdir(parents=True)
    others = [
        target.link.with_name(name)
        for name in (".model.b.0a1b2c3d.link", ".model.mine.link", ".model.0a1b2c3d.link.x")
    ]
    for each in others:
        each.symlink_to("elsewhere")
    left = target.link.with_name(".model.0a1b2c3d.link")
    left.symlink_to("elsewhere")
    target.swap(target.cache.folder / "versions" / "one")
    assert all(each.is_symlink() for each in others)
    assert not left.is_symlink()


async def test_trouble_is_told_once_until_it_is_over(
    fake: FakeRegistry, follower: Follower
) -> None:
    told: list[str] = []
    follower.complain = told.append
    del fake.aliases["m", "production"]
    for _ in range(3):
        await follower._settle_telling()  # pyright: ignore[reportPrivateUsage]
    assert len(told) == 1
    fake.aliases["m", "production"] = 1
    await follower._settle_telling()  # pyright: ignore[reportPrivateUsage]
    del fake.aliases["m", "production"]
    await follower._settle_telling()  # pyright: ignore[reportPrivateUsage]
    assert len(told) == 2


async def test_what_is_at_the_links_place_already_is_not_replaced(target: Target) -> None:
    target.link.mkdir(parents=True)
    with pytest.raises(registry.DestinationError, match="no link into"):
        target.begin()
    target.link.rmdir()
    target.link.symlink_to("/etc")
    with pytest.raises(registry.DestinationError, match="no link into"):
        target.begin()


async def test_only_one_process_follows_to_a_place(target: Target) -> None:
    lock = target.begin()
    with pytest.raises(registry.DestinationError, match="another process follows"):
        Target(target.link).begin()
    os.close(lock)
    os.close(Target(target.link).begin())


async def test_a_command_is_not_told_the_token_and_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "secret")
    code = "import os, sys; open(sys.argv[1], 'w').write(repr(os.environ.get('REGISTRY_TOKEN')))"
    await run_command((sys.executable, "-c", code, str(tmp_path / "seen")), {}, 60)
    assert (tmp_path / "seen").read_text() == "None"
    with pytest.raises(CommandFailedError, match=r"took more than 0\.1 s"):
        await run_command((sys.executable, "-c", "import signal; signal.pause()"), {}, 0.1)
    with pytest.raises(CommandFailedError, match="cannot run /nowhere: No such file"):
        await run_command(("/nowhere",), {}, 60)


def test_systemd_is_told_that_it_is_up(
    socket_enabled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"/tmp/{uuid4().hex}.sock"  # noqa: S108 - a socket's path is short
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(place)
        monkeypatch.setenv("NOTIFY_SOCKET", place)
        notify_ready()
        assert systemd.recv(100) == b"READY=1"
    os.unlink(place)
    notify_ready()  # nobody is there: told in the log
