"""The place that follows an alias: a link that is moved in one step, and the versions beside it.

    /srv/model            a link to the folder of the version
    /srv/.model.versions  a cache of its own: versions share equal bytes, and nothing is half there

The link is relative, so both can be mounted elsewhere together. All calls block.
"""

import os
import re
import sys
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from registry._folders import sync_folder
from registry._locks import FolderInUseError, lock_folder
from registry.cache.cache import Cache
from registry.cache.layout import write_document
from registry.errors import DestinationError
from registry.schemas.base import Answer
from registry.transfer.download.placement import writing


class _Told(Answer):
    """What the command was run for last."""

    folder: str


class Target:
    """A link, and the cache whose folders it leads to."""

    def __init__(self, link: Path) -> None:
        self.link = link.absolute()
        self.cache = Cache(
            self.link.parent / f".{self.link.name}.versions", limit_bytes=sys.maxsize
        )
        self._told = self.cache.folder / "told.json"

    def begin(self) -> int:
        """Be the only one who moves the link; returns the descriptor that holds the lock.

        Raises DestinationError where something else is at the link's place, or another process
        follows there.
        """
        with writing(self.link):
            if os.path.lexists(self.link) and self.current() is None:
                told = f"{self.link} is there, and no link into {self.cache.folder}: move it away"
                raise DestinationError(told)
            try:
                return lock_folder(self.cache.folder / "follower")
            except FolderInUseError:
                raise DestinationError(f"another process follows to {self.link}") from None

    def current(self) -> Path | None:
        """Return the folder that the link leads to; None where there is none of ours."""
        try:
            place = self.link.parent / self.link.readlink()
        except OSError:
            return None
        place = Path(os.path.normpath(place))
        return place if place.is_relative_to(self.cache.folder) else None

    def swap(self, folder: Path) -> None:
        """Let the link lead to a folder, in one step: who opens it finds one or the other."""
        with writing(self.link):
            # First: the command may have begun for another version since, even if that failed.
            self._told.unlink(missing_ok=True)
            made = self.link.with_name(f".{self.link.name}.{uuid4().hex[:8]}.link")
            ours = re.compile(rf"\.{re.escape(self.link.name)}\.[0-9a-f]{{8}}\.link")
            for left in self.link.parent.iterdir():
                if ours.fullmatch(left.name) and left.is_symlink():
                    left.unlink(missing_ok=True)  # of somebody who was killed between both steps
            made.symlink_to(os.path.relpath(folder, self.link.parent), target_is_directory=True)
            made.replace(self.link)
            sync_folder(self.link.parent)

    def is_told(self, folder: Path) -> bool:
        """Return whether the command has succeeded for a folder since the link leads there."""
        try:
            return _Told.model_validate_json(self._told.read_bytes()).folder == folder.name
        except (FileNotFoundError, ValidationError):
            return False

    def tell(self, folder: Path) -> None:
        """Remember that the command has succeeded."""
        with writing(self._told):
            write_document(self._told, _Told(folder=folder.name))

    def clean(self, keep: int) -> None:
        """Remove all versions but the one that the link leads to, and those used last before it."""
        current = self.current()
        with self.cache.locked():
            found = sorted(self.cache.all(), key=lambda each: -each[1])
            folders = {entry.key: self.cache.folder / entry.folder for entry, _ in found}
            others = [entry for entry, _ in found if folders[entry.key] != current]
            complete = [entry for entry in others if self.cache.complete(entry.key) is not None]
            kept = {entry.key for entry in complete[:keep]}
            for entry in others:
                if entry.key not in kept:
                    self.cache.drop(entry)
            self.cache.evict(sys.maxsize)  # the bytes that nobody needs any more
        self.cache.layout.empty_trash()
