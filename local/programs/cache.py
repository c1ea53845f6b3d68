"""The cache folder: what was downloaded or built once, shared by every checkout."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

LOCKS = Path(__file__).parent / "locks"
"""Folder of the committed lock files."""


def cache_folder() -> Path:
    """`MODEL_REGISTRY_CACHE`, or `model-registry` in the user's cache folder."""
    if chosen := os.environ.get("MODEL_REGISTRY_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "model-registry"


def lock_digest(lock: Path) -> str:
    """Eight hex digits that change with the lock file, to name what was made from it."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()[:8]


@contextmanager
def exclusive(path: Path, report: Callable[[str], None] | None = None) -> Generator[None]:
    """Hold the lock file at `path`, waiting for another process that does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if report:
                report("waiting for another run that is at it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
