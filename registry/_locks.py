"""A lock that ends with the process that holds it, however that ends."""

import os
import sys
from pathlib import Path

LOCK_NAME = "lock"
TRIES = 100


class FolderInUseError(Exception):
    """Another process, or another call of this one, holds the lock."""


def lock_folder(folder: Path) -> int:
    """Make a folder and lock it; returns the descriptor that holds the lock until it is closed.

    Raises FolderInUseError, or OSError where the file system refuses.
    """
    path = folder / LOCK_NAME
    for _ in range(TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue  # whoever had it has just removed the folder
        try:
            _lock(descriptor)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # it was removed between opening and locking: another one is there now
    raise FolderInUseError


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise FolderInUseError from error
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError from error
