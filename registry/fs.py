"""`registry://` for fsspec: pandas, pyarrow, torch and others open files of versions by name.

Example:
    import pandas

    table = pandas.read_parquet("registry://churn@production/scores.parquet")

Needs the extra `fsspec`. fsspec finds it by itself once both are installed.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from glob import escape as glob_escape
from hashlib import sha256
from io import BufferedReader
from typing import Any, ClassVar, cast

from registry._fs_file import (
    READ_ONLY,
    Details,
    ReadOnlyFileSystem,
    RegistryFile,
    file_details,
    folder_details,
)
from registry._refs import SCHEME, parse_ref, spell
from registry.client import ModelRegistryClient
from registry.errors import (
    AccessDeniedError,
    DigestMismatchError,
    NotFoundError,
    VersionNotReadyError,
)
from registry.schemas import Version

MAX_KEPT_VERSIONS = 1000
MOVING_SECONDS = 60.0
"""How long an alias, a label or `latest` is taken to name the version that it named before."""


class RegistryFileSystem(ReadOnlyFileSystem):
    """The versions of a registry, as folders that can be read: `churn@production/model.onnx`.

    A number names the same bytes for ever, so its details are kept. What an alias names is looked
    up again after `moving_seconds`; a file that is open stays that of its version.

    Args:
        url, token, origins, ca_file: as of `ModelRegistryClient`.
        cached: read whole files from the cache on this machine, where they are downloaded to and
            verified; else ranges are read from storage, which are not verified one by one.
        offline: as `cached`, without asking the registry.
        moving_seconds: how long what an alias names is kept.
        client: makes the client, for tests.
        **options: what every file system of fsspec takes.
    """

    protocol: ClassVar[Any] = "registry"
    root_marker: ClassVar[Any] = ""

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        origins: tuple[str, ...] = (),
        ca_file: str | None = None,
        cached: bool = False,
        offline: bool = False,
        moving_seconds: float = MOVING_SECONDS,
        client: Callable[[], ModelRegistryClient] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType] - no types
        self._make = client or (
            lambda: ModelRegistryClient(url, token=token, origins=origins, ca_file=ca_file)
        )
        self._is_cached, self._offline = cached or offline, True if offline else None
        self._moving_seconds = moving_seconds
        self._client: tuple[int, ModelRegistryClient] | None = None
        self._versions: OrderedDict[tuple[str, str], tuple[float, Version]] = OrderedDict()

    @property
    def client(self) -> ModelRegistryClient:
        """Return the client of this process: one that a parent made has no thread here."""
        if self._client is None or self._client[0] != os.getpid():
            self._client = os.getpid(), self._make()
        return self._client[1]

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in cast("list[Any]", path)]
        return str(path).removeprefix(SCHEME).strip("/")

    def unstrip_protocol(self, name: str) -> str:
        """Return a path with `registry://` before it."""
        return SCHEME + self._strip_protocol(name)

    def resolve(self, path: str) -> str:
        """Return a path whose version never changes: `churn@production/x` is `churn:3/x` now."""
        ref = parse_ref(self._strip_protocol(path))
        number = self._version(path).number
        return spell(ref.model, number) + (f"/{ref.path}" if ref.path else "")

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what is known, so that aliases are looked up again."""
        self._versions.clear()
        super().invalidate_cache(path)  # pyright: ignore[reportUnknownMemberType] - no types

    def info(self, path: str, **_: Any) -> Details:
        """Return what is known of a file or folder; raises FileNotFoundError."""
        stripped = self._strip_protocol(path)
        if not stripped:
            return folder_details("")
        ref, version = parse_ref(stripped), self._version(stripped)
        for file in version.artifacts:
            if file.path == ref.path:
                return file_details(stripped, file, version)
        if not ref.path or any(file.path.startswith(f"{ref.path}/") for file in version.artifacts):
            return folder_details(stripped)
        raise FileNotFoundError(f"{SCHEME}{stripped}: the version has no such file")

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        """Return what lies in a folder; in the one above all, the models."""
        stripped = self._strip_protocol(path)
        if stripped:
            found = self._list(stripped)
        else:
            found = [
                folder_details(model.name)
                for model in self._told(lambda: [*self.client.list_models()])
            ]
        return found if detail else [each["name"] for each in found]

    def exists(self, path: str, **kwargs: Any) -> bool:
        """Return whether there is such a file or folder; an absent registry is an error."""
        try:
            self.info(path, **kwargs)
        except FileNotFoundError:
            return False
        return True

    def modified(self, path: str) -> datetime:
        """Return when the version became ready: it does not change afterwards."""
        version = self._version(path)
        return version.ready_at or version.created_at

    def ukey(self, path: str) -> str:
        """Return what other bytes change."""
        found = self.info(path)
        return found.get("sha256") or f"{self.resolve(path)}/{found['size']}"

    def checksum(self, path: str) -> int:
        """Return a number that other bytes change."""
        return int(sha256(self.ukey(path).encode()).hexdigest()[:15], 16)

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return bytes of a file; a whole one is verified where its SHA-256 is known."""
        found = self.info(path)
        if found["type"] != "file":
            raise IsADirectoryError(f"{SCHEME}{found['name']} is a folder")
        size = found["size"]
        first, last, _step = slice(start, end).indices(size)
        data = self.read_range(found, first, last)
        digest = found["sha256"]
        if (first, last) == (0, size) and digest and sha256(data).hexdigest() != digest:
            raise DigestMismatchError(f"{found['name']}: not the bytes that were verified")
        return data

    def read_range(self, found: Details, first: int, last: int) -> bytes:
        """Return bytes of a file that `info` told of."""
        ref = parse_ref(found["name"])
        return self._told(
            lambda: self.client.read(
                ref.model, found["version"], ref.path, start=first, end=max(first, last)
            )
        )

    def _open(  # pyright: ignore[reportIncompatibleMethodOverride] - fsspec says less than it takes
        self, path: str, mode: str = "rb", block_size: Any = None, **options: Any
    ) -> RegistryFile | BufferedReader:
        if mode != "rb":
            raise NotImplementedError(READ_ONLY)
        if self._is_cached:
            return self._open_cached(path)
        found = self.info(path)
        if found["type"] != "file":
            raise IsADirectoryError(f"{SCHEME}{found['name']} is a folder")
        size = "default" if block_size is None else block_size
        told = {"found": found, "read": self.read_range, "size": found["size"]}
        return RegistryFile(self, path, mode, size, **told, **options)

    def _open_cached(self, path: str) -> BufferedReader:
        ref = parse_ref(path)
        folder = self._told(
            lambda: self.client.fetch(
                ref.model, ref.version, files=[glob_escape(ref.path)], offline=self._offline
            )
        )
        return (folder / ref.path).open("rb")

    def _list(self, stripped: str) -> list[Details]:
        ref, version = parse_ref(stripped), self._version(stripped)
        base = stripped.removesuffix(f"/{ref.path}") if ref.path else stripped
        prefix = f"{ref.path}/" if ref.path else ""
        found: dict[str, Details] = {}
        for file in version.artifacts:
            if file.path == ref.path:
                return [file_details(stripped, file, version)]
            if file.path.startswith(prefix):
                child, is_below, _ = file.path.removeprefix(prefix).partition("/")
                name = f"{base}/{prefix}{child}"
                found[name] = (
                    folder_details(name) if is_below else file_details(name, file, version)
                )
        if not found:
            raise FileNotFoundError(f"{SCHEME}{stripped}: the version has no such folder")
        return [found[name] for name in sorted(found)]

    def _version(self, path: str) -> Version:
        ref = parse_ref(self._strip_protocol(path))
        key, now = (ref.model, ref.version), time.monotonic()
        at, known = self._versions.get(key, (0.0, None))
        if known is None or (not ref.version.isdecimal() and now - at >= self._moving_seconds):
            known = self._told(lambda: self.client.get_version(ref.model, ref.version))
            if known.state != "ready":
                raise VersionNotReadyError(
                    f"{spell(ref.model, ref.version)} is {known.state}",
                    code="version_not_ready",
                    status=409,
                )
            self._versions[key] = now, known
            if len(self._versions) > MAX_KEPT_VERSIONS:
                self._versions.popitem(last=False)
        return known

    def _told(self, ask: Callable[[], Any]) -> Any:
        """Ask, and raise what those who open files expect of any file system."""
        try:
            return ask()
        except NotFoundError as error:
            raise FileNotFoundError(str(error)) from error
        except AccessDeniedError as error:
            raise PermissionError(str(error)) from error
