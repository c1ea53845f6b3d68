"""What can be uploaded, and what is refused."""

import io
from pathlib import Path
from typing import Any

import pytest

from registry.errors import SourceChangedError, SourceError
from registry.transfer.upload.hashing import hash_range
from registry.transfer.upload.sources import StreamReader, open_source


def paths(source: Any, path: str | None = None) -> list[str]:
    with open_source(source, path) as files:
        return [file.path for file in files]


def test_paths_are_relative_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("z", ".h", "a/b/c", "a/y"):
        (tmp_path / name).write_bytes(b"1")
    assert paths(tmp_path) == [".h", "a/b/c", "a/y", "z"]
    assert paths(tmp_path, "in") == ["in/.h", "in/a/b/c", "in/a/y", "in/z"]
    assert paths(str(tmp_path / "z"), "other.bin") == ["other.bin"]


def test_links_are_followed_inside_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "real" / "f").write_bytes(b"1")
    (root / "file").symlink_to(root / "real" / "f")
    (root / "folder").symlink_to(root / "real")
    assert paths(root) == ["file", "folder/f", "real/f"]
    (tmp_path / "secret").write_bytes(b"1")
    (root / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceError, match="leads out"):
        paths(root)


@pytest.mark.parametrize("target", [".", ".."])
def test_a_loop_of_links_ends(tmp_path: Path, target: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"1")
    (tmp_path / "a" / "loop").symlink_to(target)
    with pytest.raises(SourceError, match="leads back"):
        paths(tmp_path)


def test_what_holds_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    at_end = io.BytesIO(b"1")
    at_end.read()
    (tmp_path / "folder").mkdir()
    for source in (tmp_path / "empty", tmp_path / "folder", b"", at_end, tmp_path / "none"):
        with pytest.raises(SourceError):
            paths(source)


@pytest.mark.parametrize("source", [io.StringIO("text"), 5, None])
def test_what_is_no_source_is_named(source: Any) -> None:
    with pytest.raises(SourceError, match=type(source).__name__):
        paths(source)


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"12345")
    with open_source(file, None) as files:
        files[0].check_unchanged()
        file.write_bytes(b"123456")
        with pytest.raises(SourceChangedError):
            files[0].check_unchanged()
        with pytest.raises(SourceChangedError):
            hash_range(files[0], 0, 5)
        file.unlink()
        with pytest.raises(SourceChangedError):
            files[0].check_unchanged()


def test_a_stream_that_shrinks_is_noticed() -> None:
    stream = io.BytesIO(b"12345")
    with open_source(stream, None) as files:
        stream.truncate(3)
        with pytest.raises(SourceChangedError):
            files[0].check_unchanged()
        with pytest.raises(SourceChangedError):
            hash_range(files[0], 0, 5)


def test_reading_a_stream_leaves_its_position() -> None:
    stream = io.BytesIO(b"0123456789")
    reader = StreamReader(stream, 2)
    assert reader.read_at(3, 4) == b"5678"
    assert stream.tell() == 2
