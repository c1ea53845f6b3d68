"""Profiles: which token goes to which registry, in a file that only its owner can read.

`~/.config/model-registry/config.toml`, or below XDG_CONFIG_HOME. Each profile names the origins
(scheme, host and port) that its token may be sent to.
"""

import os
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from registry.errors import ProfileError

MAX_BYTES = 1024 * 1024
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one registry."""

    url: str
    """Its address, without a trailing slash."""
    origins: tuple[str, ...] = ()
    """Further origins that belong to it, such as its query service."""
    token: str | None = field(default=None, repr=False)

    def has(self, origin: str) -> bool:
        """Whether the origin is one of this registry's."""
        return origin in map(origin_of, (self.url, *self.origins))


def profiles_path() -> Path:
    """Return where the profiles are kept."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "model-registry" / "config.toml"


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, in one form; raises ValueError without them."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _PORTS or not host:
        raise ValueError(f"{url!r} is no http or https address")
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}:{parts.port or _PORTS[scheme]}"


def read_profiles(path: Path | None = None) -> list[Profile]:
    """Return the profiles that are kept; raises ProfileError where the file cannot be read."""
    path = path or profiles_path()
    try:
        with path.open("rb") as file:
            content = tomllib.loads(file.read(MAX_BYTES).decode())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ProfileError(f"{path} cannot be read: {error}") from error
    kept: object = content.get("profiles", [])
    if not isinstance(kept, list):
        raise ProfileError(f"{path}: profiles must be a list of tables")
    return [_profile(each, path) for each in cast("list[object]", kept)]


def find_profile(url: str, path: Path | None = None) -> Profile | None:
    """Return the profile that has the address among its origins."""
    origin = origin_of(url)
    return next((each for each in read_profiles(path) if each.has(origin)), None)


def write_profiles(profiles: Iterable[Profile], path: Path | None = None) -> None:
    """Keep these profiles in place of those that there are; raises ProfileError."""
    path = path or profiles_path()
    import tomli_w

    tables = [
        {
            "url": each.url,
            "origins": list(each.origins),
            **({"token": each.token} if each.token is not None else {}),
        }
        for each in profiles
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made with mode 600, and in place in one step: whoever reads it meets the old or the new.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".config-")
        with os.fdopen(handle, "wb") as file:
            tomli_w.dump({"profiles": tables}, file)
        Path(temporary).replace(path)
    except OSError as error:
        raise ProfileError(f"{path} cannot be written: {error}") from error


def put_profile(profile: Profile, path: Path | None = None) -> None:
    """Keep a profile, in place of those of the same registry."""
    origin = origin_of(profile.url)
    others = [each for each in read_profiles(path) if not each.has(origin)]
    write_profiles([*others, profile], path)


def remove_profile(url: str, path: Path | None = None) -> Profile | None:
    """Forget a registry's profile, and return it; None where there was none."""
    found = find_profile(url, path)
    if found is not None:
        write_profiles([each for each in read_profiles(path) if each != found], path)
    return found


def _profile(table: object, path: Path) -> Profile:
    if not isinstance(table, dict):
        raise ProfileError(f"{path}: each profile must be a table")
    given = cast("dict[str, Any]", table)
    url, origins, token = given.get("url"), given.get("origins", []), given.get("token")
    if not isinstance(url, str) or not isinstance(token, str | None):
        raise ProfileError(f"{path}: a profile needs a url, and its token is a text")
    if not isinstance(origins, list):
        raise ProfileError(f"{path}: origins must be a list of addresses")
    addresses = tuple(str(each) for each in cast("list[object]", origins))
    try:
        for address in (url, *addresses):
            origin_of(address)
    except ValueError as error:
        raise ProfileError(f"{path}: {error}") from error
    return Profile(url, addresses, token)
