"""Profiles: which token goes to which registry, in a file that only its owner can read.

`~/.config/model-registry/config.toml`, or below XDG_CONFIG_HOME. Each profile names the origins
(scheme, host and port) that its token may be sent to, and the file may name a default registry.
"""

import os
import random
import tempfile
import time
import tomllib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from registry._locks import FolderInUseError, lock_folder
from registry.errors import ProfileError

MAX_BYTES = 1024 * 1024
LOCK_TRIES = 100
LOCK_PAUSE_SECONDS = 0.1
"""Longest pause between two tries; who has the lock keeps it for milliseconds."""
_PORTS = {"http": 80, "https": 443}
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


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

    def is_of(self, url: str) -> bool:
        """Whether it was made for this address."""
        return origin_of(self.url) == origin_of(url)


@dataclass(frozen=True, slots=True)
class Profiles:
    """What the file keeps."""

    kept: tuple[Profile, ...] = ()
    default: str | None = None
    """Address of the registry that commands and clients take where none is named."""

    def find(self, url: str) -> Profile | None:
        """Return the profile of a registry: one made for this address, or that names its origin."""
        origin = origin_of(url)
        of_others = (each for each in self.kept if each.has(origin))
        return self.made_for(url) or next(of_others, None)

    def made_for(self, url: str) -> Profile | None:
        """Return the profile that was made for this address."""
        return next((each for each in self.kept if each.is_of(url)), None)

    def put(self, profile: Profile) -> "Profiles":
        """Return these with a profile, in place of one for the same address."""
        others = (each for each in self.kept if not each.is_of(profile.url))
        return replace(self, kept=(*others, profile))

    def without(self, profile: Profile) -> "Profiles":
        """Return these without a profile, which is the default no longer either."""
        is_default = self.default is not None and profile.is_of(self.default)
        others = tuple(each for each in self.kept if each != profile)
        return Profiles(others, None if is_default else self.default)


def profiles_path() -> Path:
    """Return where the profiles are kept; raises ProfileError for a user without a home folder."""
    base = os.environ.get("XDG_CONFIG_HOME")
    try:
        return (Path(base) if base else Path.home() / ".config") / "model-registry" / "config.toml"
    except RuntimeError as error:
        raise ProfileError(f"there is no folder for profiles: {error}") from error


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, in one form.

    Raises ValueError for what has none, and for an address with a password: it would be sent in
    the token's place, and shown with the address.
    """
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise ValueError("an address must hold no user and no password")
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in _PORTS or not host:
        raise ValueError(f"{url!r} is no http or https address")
    named = f"[{host}]" if ":" in host else host
    is_usual = parts.port in (None, _PORTS[scheme])
    return f"{scheme}://{named}" if is_usual else f"{scheme}://{named}:{parts.port}"


def read_profiles() -> Profiles:
    """Return what is kept. Raises ProfileError for a file that cannot be read, or that others can.

    A token that others could read may be known to them: that is told, and not mended in silence.
    """
    path = profiles_path()
    try:
        with path.open("rb") as file:
            _require_private(os.fstat(file.fileno()).st_mode, path)
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ProfileError(f"{path} has more than {MAX_BYTES} bytes")
        return _parse(tomllib.loads(text.decode()), path)
    except (FileNotFoundError, NotADirectoryError):
        return Profiles()
    except (OSError, ValueError) as error:
        raise ProfileError(f"{path} cannot be read: {error}") from error


def look_up_profiles() -> Profiles:
    """Return what is kept; nothing where this user has no home folder, or may not look into it.

    That is so in many containers, and no reason to fail for who is given a token otherwise.
    Raises ProfileError as `read_profiles` does.
    """
    try:
        path = profiles_path()
    except ProfileError:
        return Profiles()
    try:
        path.stat()
    except PermissionError:
        return Profiles()
    except OSError:
        pass  # reading tells it
    return read_profiles()


def change_profiles(change: Callable[[Profiles], Profiles]) -> Profiles:
    """Change what is kept, one process at a time, and return it; raises ProfileError."""
    path = profiles_path()
    with _locked(path):
        changed = change(read_profiles())
        _write(changed, path)
    return changed


@contextmanager
def _locked(path: Path) -> Generator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = _lock(path.parent)
    except OSError as error:
        raise ProfileError(f"{path} cannot be written: {error}") from error
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    for _ in range(LOCK_TRIES):
        try:
            return lock_folder(folder)
        except FolderInUseError:
            time.sleep(random.uniform(0, LOCK_PAUSE_SECONDS))  # noqa: S311 - no secret
    raise ProfileError(f"another program keeps {folder} locked")


def _write(profiles: Profiles, path: Path) -> None:
    import tomli_w  # only writing needs it

    content: dict[str, Any] = {} if profiles.default is None else {"default": profiles.default}
    content["profiles"] = [
        {
            "url": each.url,
            "origins": list(each.origins),
            **({"token": each.token} if each.token is not None else {}),
        }
        for each in profiles.kept
    ]
    try:
        # Made with mode 600, and in place in one step: whoever reads it meets the old or the new.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".config-")
        with os.fdopen(handle, "wb") as file:
            tomli_w.dump(content, file)
        Path(temporary).replace(path)
    except OSError as error:
        raise ProfileError(f"{path} cannot be written: {error}") from error


def _require_private(mode: int, path: Path) -> None:
    if os.name != "posix":
        return  # elsewhere these bits say nothing
    if mode & _OTHERS:
        raise ProfileError(f"{path} holds tokens, and others can read it: chmod 600 {path}")
    if path.parent.stat().st_mode & _OTHERS_WRITE:
        folder = path.parent
        raise ProfileError(f"others can replace the tokens in {folder}: chmod 700 {folder}")


def _parse(content: dict[str, Any], path: Path) -> Profiles:
    tables, default = content.get("profiles", []), content.get("default")
    if not isinstance(tables, list) or not isinstance(default, str | None):
        raise ProfileError(f"{path}: profiles must be tables, and default must be an address")
    try:
        if default is not None:
            origin_of(default)
        return Profiles(tuple(map(_profile, cast("list[object]", tables))), default)
    except ValueError as error:
        raise ProfileError(f"{path}: {error}") from error


def _profile(table: object) -> Profile:
    """Read a profile; raises ValueError. No message repeats a value that could be a token."""
    given = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
    url, origins, token = given.get("url"), given.get("origins", []), given.get("token")
    if not isinstance(url, str) or not isinstance(token, str | None):
        raise ValueError("each profile must be a table with a url, and a token that is a text")
    if not isinstance(origins, list):
        raise ValueError("origins must be a list of addresses")
    addresses = tuple(str(each) for each in cast("list[object]", origins))
    for address in (url, *addresses):
        origin_of(address)
    return Profile(url, addresses, token)
