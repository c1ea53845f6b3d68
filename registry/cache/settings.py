"""Where the cache is, how much it may hold, and whether the registry may be asked at all."""

import os
import re
import sys
from pathlib import Path

from registry.errors import CacheError

FOLDER_VARIABLE = "REGISTRY_CACHE"
LIMIT_VARIABLE = "REGISTRY_CACHE_BYTES"
OFFLINE_VARIABLE = "REGISTRY_OFFLINE"
DEFAULT_LIMIT_BYTES = 64 * 1024**3
WAIT_SECONDS = 3600.0
"""How long a call waits for another process that fetches the same version."""
_UNITS = {"": 1} | {
    f"{unit}{suffix}": base**power
    for power, unit in enumerate("kmgt", 1)
    for suffix, base in (("", 1000), ("i", 1024))
}
_SIZE = re.compile(r"([0-9]{1,18})\s*([kmgt]?i?)b?", re.IGNORECASE)


def cache_folder() -> Path:
    """Return the cache's folder: REGISTRY_CACHE, else the usual place of the user's caches."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "model-registry"


def cache_limit() -> int:
    """Return the bytes that the cache may hold: REGISTRY_CACHE_BYTES, else 64 GiB."""
    text = os.environ.get(LIMIT_VARIABLE, "").strip()
    return read_size(text, LIMIT_VARIABLE) if text else DEFAULT_LIMIT_BYTES


def read_size(text: str, name: str) -> int:
    """Return a number of bytes, such as `50GiB`; raises CacheError, which says what it is of.

    >>> read_size("50 GB", "size"), read_size("1KiB", "size"), read_size("7", "size")
    (50000000000, 1024, 7)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2].lower() not in _UNITS:
        raise CacheError(f"{name} takes a number of bytes, such as 50GiB, not {text[:40]!r}")
    return int(match[1]) * _UNITS[match[2].lower()]


def is_offline(offline: bool | None = None) -> bool:
    """Return whether only what the cache has may be used: as given, else by REGISTRY_OFFLINE."""
    if offline is not None:
        return offline
    return os.environ.get(OFFLINE_VARIABLE, "").strip().lower() in ("1", "true", "yes", "on")
