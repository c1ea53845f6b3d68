"""A file system in memory, of a size of its own, below MinIO's data folder."""

import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A mounted file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def grow(self, mebibytes: int) -> None:
        """Make it larger, and keep what it holds."""
        _mount("-o", f"remount,size={mebibytes}m", str(self._folder))


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Generator[SmallDisk]:
    """Mount one for the block; skips the test where it may not."""
    folder.mkdir(parents=True)
    try:
        _mount("-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system may be mounted here: {error}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)  # noqa: S607 - as found


def _mount(*arguments: str) -> None:
    subprocess.run(("mount", *arguments), check=True, capture_output=True)  # noqa: S607 - as found
