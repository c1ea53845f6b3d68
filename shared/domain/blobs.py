"""Bytes that are stored once: how an artifact refers to those of another one, without any I/O."""

from pathlib import PurePosixPath

from shared.domain.records import ArtifactRecord, VersionRecord

_SAME = (
    *("size_bytes", "sha256", "sha256_state", "etag", "object_version"),
    *("format", "media_type", "details", "tensors"),
)
"""What artifacts with the same bytes have in common; not in which parts they were sent."""


def referring(artifact: ArtifactRecord, to: ArtifactRecord) -> ArtifactRecord:
    """Return an artifact whose bytes are those of another, verified one, where that one's lie."""
    same = {name: getattr(to, name) for name in _SAME}
    own = {"state": "verified", "location": to.stored_key, "composite": None}
    return artifact.model_copy(update={**same, **own})


def copied(artifact: ArtifactRecord) -> ArtifactRecord:
    """Return the same file as an artifact of another version, which has no key of its own yet.

    Whatever is known of its bytes goes with it, also in which parts they were sent.
    """
    own = {"key": "", "location": artifact.stored_key, "references": 0, "multipart_id": None}
    return artifact.model_copy(update=own)


def may_refer(path: str, to: ArtifactRecord) -> bool:
    """Whether a file of this path passes its check where the other one did.

    The ending of a name decides what a file must be.
    """
    ending = PurePosixPath(path).suffix.lower()
    return ending == PurePosixPath(to.path).suffix.lower()


def without_locations(version: VersionRecord) -> VersionRecord:
    """Return a version that refers to no bytes of others: one that never became ready."""
    if not refers(version):
        return version
    artifacts = [
        each.model_copy(update={"location": None, "state": "pending"}) if each.location else each
        for each in version.artifacts
    ]
    return version.model_copy(update={"artifacts": artifacts})


def refers(version: VersionRecord) -> bool:
    """Whether some of a version's bytes lie under keys of others."""
    return any(each.location is not None for each in version.artifacts)
