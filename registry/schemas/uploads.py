"""Upload sessions: what a training job asks for, and the plan that it is given.

Sizes are in bytes, times in UTC. A session uploads all files of one version.
"""

from datetime import datetime
from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from registry.schemas.base import Answer, Schema
from registry.schemas.links import LineageRequest
from registry.schemas.metadata import RequestedMetadata
from registry.schemas.names import (
    FilePath,
    ModelName,
    RequestedVersion,
    Sha256,
    StorageGroup,
    WholeNumber,
)
from registry.schemas.versions import VersionState

SessionState = Literal["open", "completed", "aborted", "expired", "rejected"]
"""rejected: the version was rejected before the upload was completed."""

MAX_FILES = 1000
MAX_OBJECT_BYTES = 5 * 1024**4
"""Largest object that S3 stores: 5 TiB."""
MAX_PARTS = 10_000
"""Largest number of parts of one multipart upload."""
MAX_SIGNED_PARTS = 1000
"""Parts that one request may sign."""


class FileRequest(Schema):
    """A file to be uploaded."""

    path: FilePath
    """Where the file lies inside the version, e.g. "model.safetensors" or "tokenizer/vocab.txt"."""
    size_bytes: WholeNumber = Field(ge=1, le=MAX_OBJECT_BYTES)
    """Exact size; a file without a byte is no model."""
    sha256: Sha256 | None = None
    """Lower-case hex. For a single PUT, storage then refuses any other body."""


class UploadRequest(RequestedMetadata):
    """Opens an upload session: the model, its files, and what there is to say about them."""

    model: ModelName
    """Registered model; made on its first upload."""
    version: RequestedVersion | None = None
    """A number that is still free, or a label beside the next number; absent: the next number."""
    files: list[FileRequest] = Field(min_length=1, max_length=MAX_FILES)
    """Every file of the version; it becomes ready when all are there."""
    storage_group: StorageGroup | None = None
    """Bucket; the server's default when absent."""
    client_id: str | None = Field(default=None, min_length=1, max_length=256)
    """The caller's own identifier; the version can be looked up by it."""
    lineage: LineageRequest | None = None
    """What the version was made from; parents that are here must be there already."""

    @model_validator(mode="after")
    def _distinct_paths(self) -> Self:
        # With NUL for the slash, which no path contains, a file and what lies under its path are
        # neighbours in order: one pass over the sorted paths finds both kinds of conflict.
        ordered = sorted(file.path.replace("/", "\0") for file in self.files)
        for before, after in pairwise(ordered):
            if before == after:
                raise ValueError("files must have distinct paths")
            if after.startswith(before + "\0"):
                path = after.replace("\0", "/")
                raise ValueError(f"files: {path!r} lies under a path that is a file itself")
        return self


class SignedRequest(Answer):
    """A request that may be sent as it stands, with no other credentials, until it expires."""

    method: Literal["PUT", "GET"]
    url: str = Field(repr=False)
    """A secret for as long as it lives: do not log it."""
    headers: dict[str, str]
    """To be sent exactly; they are part of the signature."""
    expires_at: datetime


class UploadedPart(Answer):
    """A part as storage has it."""

    number: int
    """1 to 10,000."""
    size_bytes: int
    sha256: Sha256 | None
    """As storage verified it; None where the store keeps none."""


class FilePlan(Answer):
    """How one file travels: one signed PUT, or a multipart upload."""

    path: str
    key: str
    """Object key in the storage group."""
    size_bytes: int
    kind: Literal["put", "multipart"]
    uploaded: bool = False
    """True once storage has the whole object."""
    is_size_known: bool = False
    """True where bytes of this size are stored that the caller may read: those of the file need not
    be sent if they are the same, which its SHA-256 tells (`POST /v1/uploads/{upload_id}/reuse`)."""
    put: SignedRequest | None = None
    """For "put", while the file is still to be sent."""
    part_size_bytes: int | None = None
    """For "multipart": size of every part but the last."""
    part_count: int | None = None
    parts: list[UploadedPart] = Field(default_factory=list[UploadedPart])
    """For "multipart": the parts that storage already has, in order of their number."""


class UploadSession(Answer):
    """An upload session: the version it makes, and the plan of each file."""

    upload_id: str
    """Told to the upload's owner alone; it is not the version's id."""
    token: str | None = Field(default=None, repr=False)
    """Told when the session is opened: a bearer token for this upload and nothing else, for a job
    that is handed it. A secret until the session ends."""
    model: str
    number: int
    """Version number, allocated when the session was opened."""
    label: str | None = None
    version_id: str
    state: SessionState
    version_state: VersionState
    storage_group: str
    expires_at: datetime
    files: list[FilePlan]


class PartRequest(Schema):
    """A part whose URL is asked for."""

    number: WholeNumber = Field(ge=1, le=MAX_PARTS)
    sha256: Sha256
    """Lower-case hex of the part's bytes; storage refuses any other body."""


class SignPartsRequest(Schema):
    """Asks for the URLs of some parts of one file, for the first time or again."""

    path: FilePath
    parts: list[PartRequest] = Field(min_length=1, max_length=MAX_SIGNED_PARTS)


class SignedPart(SignedRequest):
    """The request that uploads one part."""

    number: int
    size_bytes: int


class SignedParts(Answer):
    """The signed parts, in the order they were asked for."""

    parts: list[SignedPart]


class ReuseRequest(Schema):
    """Tells what files are, so that those which are stored already need not be sent."""

    sha256: dict[FilePath, Sha256] = Field(min_length=1, max_length=MAX_FILES)
    """By path, lower-case hex of the whole file."""


class CompleteRequest(Schema):
    """Says that every byte has been sent."""

    sha256: dict[FilePath, Sha256] = Field(default_factory=dict[str, str])
    """Whole-file digests by path, where the caller has them; kept as claims until confirmed."""
