"""What the file system of `registry://` tells of files and folders, and a file that is open."""

from collections.abc import Callable
from typing import Any

from registry.errors import MissingExtraError
from registry.schemas import Artifact, Version

try:
    from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
except ImportError as error:
    raise MissingExtraError(
        "registry:// needs fsspec (the extra `fsspec`): pip install fsspec"
    ) from error

Details = dict[str, Any]
"""What `info` and `ls` tell, under the names that fsspec gave it."""


READ_ONLY = "registry:// is read only: upload a new version instead"


class ReadOnlyFileSystem(AbstractFileSystem):
    """Refuses every change with a reason: some, fsspec would pass over as if they were done."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(READ_ONLY)

    mkdir = makedirs = rmdir = touch = rm = rm_file = cp_file = _refuse


def folder_details(name: str) -> Details:
    """Return what is told of a folder."""
    return {"name": name, "size": 0, "type": "directory"}


def file_details(name: str, file: Artifact, version: Version) -> Details:
    """Return what is told of a file."""
    return {
        "name": name,
        "size": file.size_bytes,
        "type": "file",
        "version": version.number,
        "sha256": file.sha256 if file.sha256_state == "verified" else None,
        "created": version.created_at,
        "mtime": version.ready_at or version.created_at,
    }


class RegistryFile(AbstractBufferedFile):
    """A file of a version that is open to be read; its version is fixed."""

    def __init__(
        self,
        fs: Any,
        path: str,
        *args: Any,
        found: Details,
        read: Callable[[Details, int, int], bytes],
        **kwargs: Any,
    ) -> None:
        self._found, self._read = found, read
        super().__init__(fs, path, *args, **kwargs)  # pyright: ignore[reportUnknownMemberType] - no types
        self.details = found

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._read(self._found, start, min(end, self._found["size"]))
