"""Files of the page: each has its digest in its name, so that a browser keeps it for a year."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.query.ui.paths import STATIC

FOLDER = Path(__file__).parent / "assets"
MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CACHE = "public, max-age=31536000, immutable"
_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    served_name: str
    content: bytes
    media_type: str


@cache
def assets() -> Mapping[str, Asset]:
    """Return the files by the names that they have in the folder."""
    return {
        path.name: _asset(path) for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA_TYPES
    }


@cache
def served() -> Mapping[str, Asset]:
    """Return the files by the names under which they are served."""
    return {each.served_name: each for each in assets().values()}


def address_of(name: str) -> str:
    """Return the path under which a file of the folder is served."""
    return f"{STATIC}/{assets()[name].served_name}"


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_CHARACTERS]
    return Asset(f"{path.stem}.{digest}{path.suffix}", content, MEDIA_TYPES[path.suffix])
