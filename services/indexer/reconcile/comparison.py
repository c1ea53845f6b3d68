"""What a listing of a bucket says about the versions of a model: pure, without any I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.domain.records import PlacedArtifact, PlacedVersion
from shared.storage.listing import ListedObject


@dataclass(slots=True)
class Window:
    """Versions of one model by ascending numbers, and what listings told of their objects."""

    versions: Sequence[PlacedVersion]
    first: int
    """The window answers for objects of the version numbers from this one on."""
    last: int | None
    """Up to this one; None: for all above, and for keys that name no number."""
    _told: set[str] = field(default_factory=set[str])
    _owners: dict[tuple[str, str], tuple[PlacedVersion, PlacedArtifact]] = field(init=False)

    def __post_init__(self) -> None:
        self._owners = {
            (version.storage_group, artifact.key): (version, artifact)
            for version in self.versions
            for artifact in version.artifacts
        }

    def take(self, bucket: str, page: Iterable[ListedObject]) -> list[ListedObject]:
        """Note what a page of a listing tells; returns the objects that the records do not tell."""
        untold: list[ListedObject] = []
        for found in page:
            owner = self._owners.get((bucket, found.key))
            if owner is None:
                if found.is_latest and self.answers_for(found.key):
                    untold.append(found)
                continue
            version, artifact = owner
            if _is_as_verified(found, artifact):
                self._told.add(found.key)
            if found.is_latest and is_untold(found, version, artifact):
                untold.append(found)
        return untold

    def answers_for(self, key: str) -> bool:
        """Whether the object of this key is this window's to judge, not another one's."""
        if (number := _number(key)) is None:
            return self.last is None
        return number >= self.first and (self.last is None or number <= self.last)

    def doubtful(self, buckets: set[str]) -> list[PlacedVersion]:
        """Return the versions whose state is not what the listings of these buckets say."""
        return [
            version
            for version in self.versions
            if version.storage_group in buckets and self._is_doubtful(version)
        ]

    def _is_doubtful(self, version: PlacedVersion) -> bool:
        # What lies under another version's key is in the listing of that one: where it is lost,
        # that version is doubtful, and those that share it are looked at with it.
        own = [artifact for artifact in version.artifacts if artifact.location is None]
        is_there = all(artifact.key in self._told for artifact in own)
        if version.state == "missing":
            return is_there
        return not is_there and (
            version.state == "ready"
            or any(each.references and each.key not in self._told for each in own)
        )


def is_untold(found: ListedObject, version: PlacedVersion, artifact: PlacedArtifact) -> bool:
    """Whether the records do not tell of an object as it is, though a version owns its key."""
    is_shared = artifact.references > 0 and artifact.object_version in (None, found.object_version)
    if version.state == "rejected" or (version.is_purged and not is_shared):
        return not version.has_work  # else it is to be removed
    if artifact.location is not None:
        return not version.has_work  # it is surplus
    if artifact.is_verified:
        return artifact.object_version not in (None, found.object_version)
    # With an etag it waits for its full read; given up, it waits for an operator.
    return artifact.etag is None


def _is_as_verified(found: ListedObject, artifact: PlacedArtifact) -> bool:
    if artifact.object_version is None and not found.is_latest:
        return False
    return found.etag == artifact.etag and artifact.object_version in (None, found.object_version)


def _number(key: str) -> int | None:
    """Return the version number that a key names, as `object_key` writes it."""
    segment = key.split("/", 2)[1:2]
    if not segment or not segment[0].isascii() or not segment[0].isdigit() or len(segment[0]) > 10:
        return None
    return int(segment[0])
