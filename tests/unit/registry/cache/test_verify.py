"""Damaged files are found, and removed or mended."""

import json
from pathlib import Path

import pytest

import registry
from registry.cache import Cache
from registry.cli.exit_codes import ExitCode
from tests.unit.cli_command import Command
from tests.unit.client_fake import FakeRegistry


@pytest.fixture
def fetched(
    fake: FakeRegistry, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """Two versions that share a file, in the cache that the command finds."""
    monkeypatch.setenv("REGISTRY_CACHE", str(cache.folder))

    def connect(_url: str | None) -> registry.ModelRegistryClient:
        return fake.blocking_client()

    monkeypatch.setattr("registry.client.ModelRegistryClient", connect)
    with fake.blocking_client() as client:
        for number in (1, 2):
            source = tmp_path / str(number)
            source.mkdir()
            (source / "base").write_bytes(b"base" * 100)
            (source / "head").write_bytes(str(number).encode())
            client.upload("m", source)
        return [client.fetch("m", number, cache=cache) for number in (1, 2)]


def change(path: Path, data: bytes) -> None:
    """Change bytes in place, as somebody does who made the file writable."""
    path.chmod(0o644)
    path.write_bytes(data)


def test_what_is_whole_is_left_alone(command: Command, fetched: list[Path]) -> None:
    assert command("cache", "verify", "--json").out == ""
    assert all((folder / "base").exists() for folder in fetched)


def test_how_far_it_is_is_told_in_bytes_each_of_which_is_read_once(
    fetched: list[Path], cache: Cache
) -> None:
    told: list[tuple[int, int]] = []
    cache.verify(progress=lambda done, total: told.append((done, total)))
    whole = 400 + 1 + 1
    assert [total for _, total in told] == [whole] * 3, "both versions share a file"
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == whole
    change(fetched[0] / "head", b"longer than it was")
    (fetched[1] / "head").unlink()
    told.clear()
    assert len(cache.verify(progress=lambda done, total: told.append((done, total)))) == 2
    assert told[-1][0] <= told[-1][1]


def test_changed_bytes_are_removed_with_every_version_that_has_them(
    command: Command, fetched: list[Path], fake: FakeRegistry, cache: Cache
) -> None:
    change(fetched[0] / "base", b"BASE" * 100)
    kept = command("cache", "verify", "--keep", "--json")
    assert kept.status == ExitCode.DIGEST_MISMATCH
    told = [json.loads(line) for line in kept.out.splitlines()]
    assert [(d["number"], d["path"], d["problem"]) for d in told] == [
        *[(1, "base", "changed"), (2, "base", "changed")]
    ]
    assert all(folder.exists() for folder in fetched)
    assert command("cache", "verify").status == ExitCode.DIGEST_MISMATCH
    assert not any(folder.exists() for folder in fetched)
    assert command("cache", "verify").status == 0
    with fake.blocking_client() as client:
        again = client.fetch("m", 1, cache=cache)
    assert (again / "base").read_bytes() == b"base" * 100


def test_damage_is_mended_in_place_and_only_what_is_damaged_is_fetched(
    command: Command, fetched: list[Path], fake: FakeRegistry
) -> None:
    change(fetched[0] / "base", b"BASE" * 100)
    (fetched[1] / "head").unlink()
    fake.requests.clear()
    mended = command("cache", "verify", "--mend", "--json")
    assert (mended.status, mended.err) == (0, "")
    told = [json.loads(line) for line in mended.out.splitlines()]
    assert {(d["number"], d["path"], d["problem"], d["mended"]) for d in told} == {
        (1, "base", "changed", True),
        (2, "base", "changed", True),
        (2, "head", "missing", True),
    }
    assert len(fake.sent(r"^GET /m/\d/base")) == 1
    assert not fake.sent(r"^GET /m/\d/head")
    for number, folder in enumerate(fetched, 1):
        assert (folder / "base").read_bytes() == b"base" * 100
        assert (folder / "head").read_bytes() == str(number).encode()
    assert command("cache", "verify").status == 0


def test_a_file_that_somebody_put_in_place_of_a_link_is_found_and_the_others_stay(
    command: Command, fetched: list[Path]
) -> None:
    (fetched[0] / "base").unlink()
    (fetched[0] / "base").write_bytes(b"mine")
    assert command("cache", "verify").status == ExitCode.DIGEST_MISMATCH
    assert not fetched[0].exists()
    assert (fetched[1] / "base").read_bytes() == b"base" * 100


def test_what_is_damaged_and_cannot_be_mended_is_not_given_to_anybody(
    command: Command, fetched: list[Path], fake: FakeRegistry, cache: Cache
) -> None:
    change(fetched[0] / "head", b"x")
    fake.verdict = "missing"
    found = command("cache", "verify", "--mend")
    assert found.status == ExitCode.DIGEST_MISMATCH
    assert "cannot mend m version 1: version 1 of model 'm' is missing" in found.err
    with fake.blocking_client() as client, pytest.raises(registry.NotCachedError):
        client.fetch("m:1", cache=cache, offline=True)
    fake.verdict = "ready"
    with fake.blocking_client() as client:
        assert (client.fetch("m:1", cache=cache) / "head").read_bytes() == b"1"


def test_the_command_lists_fetches_and_prunes(
    command: Command, fetched: list[Path], cache: Cache
) -> None:
    listed = [json.loads(line) for line in command("cache", "ls", "--json").out.splitlines()]
    assert {(each["number"], each["state"], each["in_use"]) for each in listed} == {
        (1, "complete", True),
        (2, "complete", True),
    }
    assert "in use" in command("cache", "ls").out
    assert command("fetch", "m:1").out == f"{fetched[0]}\n"
    found = command("fetch", "m", "--offline", "--json")
    assert (found.status, "is not in" in found.err) == (ExitCode.NOT_FOUND, True)
    assert json.loads(command("cache", "prune", "--size", "0", "--json").out)["removed"] == []
    for folder in fetched:
        registry.release(folder, cache=cache)
    registry.release(fetched[0], cache=cache)  # `fetch` had it, too
    pruned = json.loads(command("cache", "prune", "--size", "0", "--json").out)
    assert {each["number"] for each in pruned["removed"]} == {1, 2}
    assert (pruned["freed_bytes"], pruned["size_bytes"]) == (402, 0)
    wrong = command("cache", "prune", "--size", "much")
    assert (wrong.status, "such as 50GiB" in wrong.err) == (ExitCode.USAGE, True)
