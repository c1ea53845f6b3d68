"""What running processes use of the cache: each tells it in a folder that it has locked.

The lock ends with its process, however that ends, and what the folder tells ends with it. A forked
child inherits the parent's lock: what the parent used stays until both have ended.
"""

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from uuid import uuid4

from registry._folders import remove_locked
from registry._locks import FolderInUseError, lock_folder

_PINS = "pins"


class _Own:
    """What this process uses of one cache."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pid = folder / uuid4().hex, os.getpid()
        self.lock = lock_folder(self.folder)
        self.counts: Counter[str] = Counter()

    def write(self) -> None:
        written = self.folder / f"{_PINS}.new"
        written.write_text(json.dumps(sorted(self.counts)), encoding="ascii")
        written.replace(self.folder / _PINS)


_OWN: dict[Path, _Own] = {}
"""By the folder of pins; of a parent's process they are not this one's to change."""


def pin(folder: Path, key: str) -> None:
    """Say that this process uses an entry; the caller has the cache's lock."""
    own = _OWN.get(folder)
    if own is not None and own.pid == os.getpid() and not own.folder.exists():
        forget_all(folder)  # somebody removed the whole cache
        own = None
    if own is None or own.pid != os.getpid():
        own = _OWN[folder] = _Own(folder)
    own.counts[key] += 1
    own.write()


def unpin(folder: Path, key: str) -> None:
    """Take back one `pin` of this process; the caller has the cache's lock."""
    own = _OWN.get(folder)
    if own is None or own.pid != os.getpid() or not own.counts[key]:
        return
    own.counts[key] -= 1
    own.counts += Counter()  # without those that came to nothing
    own.write()


def pinned(folder: Path) -> set[str]:
    """Return the entries that any process uses; the caller has the cache's lock.

    What ended processes left is removed.
    """
    found: set[str] = set()
    for each in folder.iterdir() if folder.exists() else ():
        if not each.is_dir():
            continue
        try:
            lock = lock_folder(each)
        except FolderInUseError:
            found |= _read(each / _PINS)
        else:
            remove_locked(each, lock)
    return found


def forget_all(folder: Path) -> None:
    """Remove every trace of this process, as its end does."""
    own = _OWN.pop(folder, None)
    if own is not None:
        os.close(own.lock)
        shutil.rmtree(own.folder, ignore_errors=True)


def _read(path: Path) -> set[str]:
    try:
        return set(json.loads(path.read_text(encoding="ascii")))
    except FileNotFoundError:
        return set()  # its process has locked the folder and told nothing yet
