"""What the doctor says of this machine's cache where it is not as it should be."""

import os
import threading
from pathlib import Path

import anyio
import pytest

from registry.doctor import here
from registry.doctor.asking import Unanswered
from registry.doctor.here import check_cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("REGISTRY_CACHE", str(folder))
    return folder


def test_a_cache_that_is_not_there_yet_is_well(folder: Path) -> None:
    found = anyio.run(check_cache)
    assert (found.state, found.remedy) == ("ok", "")
    assert not folder.exists(), "looking at it makes nothing"


def test_a_cache_that_cannot_be_written_is_a_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()

    def denied(_path: str, _mode: int) -> bool:
        return False

    monkeypatch.setattr(os, "access", denied)  # root could write it whatever its mode
    found = anyio.run(check_cache)
    assert found.state == "failure"
    assert str(folder) in found.found
    assert "REGISTRY_CACHE" in found.remedy


def test_a_machine_that_is_set_to_ask_no_registry_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir()
    monkeypatch.setenv("REGISTRY_OFFLINE", "1")
    found = anyio.run(check_cache)
    assert found.state == "warning"
    assert "REGISTRY_OFFLINE" in found.remedy


@pytest.mark.usefixtures("folder")
def test_a_size_that_is_none_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGISTRY_CACHE_BYTES", "plenty")
    with pytest.raises(Unanswered, match="REGISTRY_CACHE_BYTES"):
        anyio.run(check_cache)


@pytest.mark.usefixtures("folder")
async def test_who_gives_up_on_a_disk_that_hangs_can_end(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(here, "cache_folder", is_over.wait)
    before = set(threading.enumerate())
    with anyio.move_on_after(0.05) as scope:
        await check_cache()
    [left] = set(threading.enumerate()) - before
    is_over.set()
    assert scope.cancelled_caught
    assert left.daemon, "the interpreter would wait for it"
