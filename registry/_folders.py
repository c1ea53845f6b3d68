"""Folders: made durable, and removed by whoever has their lock."""

import os
import shutil
from pathlib import Path

from registry._locks import LOCK_NAME


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name == "nt":  # folders cannot be opened there, and renames are durable
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_locked(folder: Path, lock: int) -> None:
    """Remove a folder that the caller has locked, and let go of the lock."""
    try:
        for entry in folder.iterdir():
            if entry.name == LOCK_NAME:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        if os.name != "nt":
            # Last, and while it is locked: as long as it is there, nobody else begins in it.
            (folder / LOCK_NAME).unlink()
            folder.rmdir()
    finally:
        os.close(lock)
        if os.name == "nt":  # Windows removes no file that is open
            shutil.rmtree(folder, ignore_errors=True)
