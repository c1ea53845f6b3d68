"""Bytes that are stored once: how an artifact refers to those of another one, without any I/O."""

from dataclasses import dataclass

from shared.domain.file_names import extension_of
from shared.domain.records import ArtifactRecord, VersionRecord

_SAME = (
    *("size_bytes", "sha256", "sha256_state", "etag", "object_version"),
    *("format", "media_type", "details", "tensors"),
)
"""What artifacts with the same bytes have in common; not in which parts they were sent."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes that files may share."""

    sha256: str
    """In hex."""
    size_bytes: int
    extension: str
    """Of the file's name: it decides what the bytes must be, so under another one they were not
    checked for that."""


def bytes_of(artifact: ArtifactRecord, sha256: str) -> Bytes:
    """Return what a file has if this is its SHA-256 (hex)."""
    return Bytes(sha256, artifact.size_bytes, extension_of(artifact.path))


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


def is_unsent(artifact: ArtifactRecord) -> bool:
    """Whether nothing of a file was sent so far, so that it may refer to bytes that are there."""
    return artifact.state == "pending" and not artifact.etag and not artifact.multipart_id


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
