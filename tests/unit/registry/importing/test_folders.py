"""Folders whose empty files are left out: the rest is published, and nothing else of the disk."""

import os
from pathlib import Path

import pytest

from registry.errors import SourceError
from registry.importing.folders import prepared


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "code").mkdir(parents=True)
    (made / "code" / "__init__.py").touch()
    (made / "w.bin").write_bytes(b"weights")
    return made


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_empty_files_are_left_out_and_told(folder: Path) -> None:
    (folder / "w.link").symlink_to("w.bin")
    (folder / "more").symlink_to("code")
    with prepared(folder) as files:
        assert content(files.folder) == {"w.bin": b"weights", "w.link": b"weights"}
        assert files.empty == ["code/__init__.py", "more/__init__.py"]


@pytest.mark.parametrize("name", ["private", "private/key"])
@pytest.mark.parametrize("is_linkable", [True, False])
def test_what_a_link_leads_to_outside_of_the_folder_is_not_published(
    folder: Path, tmp_path: Path, name: str, is_linkable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "key").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path / name)
    if not is_linkable:

        def refused(*_: object) -> None:
            raise OSError("another file system")

        monkeypatch.setattr(os, "link", refused)
    with pytest.raises(SourceError, match="leads out of the folder"), prepared(folder):
        pass


def test_a_link_that_leads_back_is_refused(folder: Path) -> None:
    (folder / "loop").symlink_to(".")
    with pytest.raises(SourceError, match="leads back"), prepared(folder):
        pass
