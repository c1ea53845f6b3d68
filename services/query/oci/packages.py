"""Which version a manifest's or a config's digest is of.

They are made up from the version whenever they are asked for, and kept nowhere: a digest does not
say of which version it is. A process remembers those that it told; one that it does not know is
looked for among the newest versions of the model.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from cachetools import LRUCache, TTLCache

from registry.schemas import Version
from shared.database.versions import Versions
from shared.domain.errors import Unavailable
from shared.domain.oci_manifests import Content, Package, package_of, unconfirmed

MOST_LOOKED_AT = 1000
"""Versions of one look for a digest that the process does not know."""
MOST_KNOWN = 50_000
MOST_UNKNOWN = 1000
UNKNOWN_SECONDS = 5.0
"""How long a digest that was looked for in vain is not looked for again."""
_AT_ONCE = 20
_FILES_IN_LOOP = 100
"""A package of more files is made in a thread: the event loop serves others meanwhile."""


@dataclass(slots=True)
class KnownPackages:
    """The packages that a process has told of, by the digests of what is made up."""

    _versions: LRUCache[str, str] = field(default_factory=lambda: LRUCache(MOST_KNOWN))
    """Ids of versions."""
    _unknown: TTLCache[tuple[str, str], None] = field(
        default_factory=lambda: TTLCache(MOST_UNKNOWN, UNKNOWN_SECONDS, monotonic)
    )
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One look at a time: it reads many versions."""

    async def of(self, version: Version) -> Package:
        """Return the package of a ready version, and remember it.

        Raises Unavailable where a SHA-256 of it is not confirmed yet: it has no manifest so far.
        """
        if (path := unconfirmed(version.artifacts)) is not None:
            detail = (
                f"version {version.number} of model {version.model!r} cannot be pulled yet: "
                f"the SHA-256 of {path!r} is being computed; try again"
            )
            raise Unavailable("digest_unconfirmed", detail)
        if len(version.artifacts) > _FILES_IN_LOOP:
            package = await asyncio.to_thread(package_of, version)
        else:
            package = package_of(version)
        self._remember(version, package)
        return package

    async def find(self, model: str, digest: str, versions: Versions) -> Content | None:
        """Return the manifest or config of some ready version of the model by its digest."""
        if (found := await self._known(model, digest, versions)) is not None:
            return found
        async with self._looking:
            if (found := await self._known(model, digest, versions)) is not None:
                return found
            if (model, digest) in self._unknown:
                return None
            await self._look(model, digest, versions)
        found = await self._known(model, digest, versions)
        if found is None:
            self._unknown[model, digest] = None
        return found

    async def _known(self, model: str, digest: str, versions: Versions) -> Content | None:
        version_id = self._versions.get(digest)
        version = await versions.find(version_id) if version_id is not None else None
        if version is None or version.model != model or version.state != "ready":
            return None
        package = await self.of(version)
        return next((each for each in _made_up(package) if each.digest == digest), None)

    async def _look(self, model: str, digest: str, versions: Versions) -> None:
        """Make the packages of the newest versions, until one has the digest."""
        before: int | None = None
        for _ in range(MOST_LOOKED_AT // _AT_ONCE):
            found = await versions.ready_below(model, before=before, limit=_AT_ONCE)
            confirmed = [each for each in found if unconfirmed(each.artifacts) is None]
            packages = await asyncio.to_thread(_packages_of, confirmed)
            for version, package in zip(confirmed, packages, strict=True):
                self._remember(version, package)
            if digest in self._versions or len(found) < _AT_ONCE:
                return
            before = found[-1].number

    def _remember(self, version: Version, package: Package) -> None:
        for content in _made_up(package):
            self._versions[content.digest] = version.id


def _made_up(package: Package) -> tuple[Content, Content]:
    return package.manifest, package.config


def _packages_of(versions: Sequence[Version]) -> list[Package]:
    return [package_of(each) for each in versions]
