"""Versions side by side: what they say of themselves, their files, and what is inside."""

from typing import Literal

from pydantic import Field, JsonValue

from registry.schemas.base import Answer
from registry.schemas.versions import DigestState, Reason, TensorSummary, VersionState

MIN_COMPARED = 2
MAX_COMPARED = 10
"""Versions of one comparison."""

Likeness = Literal["same", "alike", "changed", "partial"]
"""same: equal in all; alike: of equal dtype and shape, or size, and whether the bytes are equal was
not found out; changed: in all, and different; partial: not in all of them."""
Difference = Literal["dtype", "shape", "bytes"]


class ComparedVersion(Answer):
    """One of the versions; values of rows are in the order of these."""

    id: str
    number: int
    label: str | None = None
    state: VersionState
    file_count: int
    size_bytes: int
    tensors: TensorSummary | None = None
    """Of all its files; None where they were not read."""
    unread: Reason | None = None
    """Why its tensors are not compared."""


class Likenesses(Answer):
    """How many rows there are of each kind."""

    same: int = 0
    alike: int = 0
    changed: int = 0
    partial: int = 0


class MetadataRow(Answer):
    """What each version says under one name, such as `metrics.auc`."""

    name: str
    status: Literal["same", "changed", "partial"]
    values: list[JsonValue]
    """null where a version says nothing."""


class ComparedFile(Answer):
    """A file as one version has it."""

    size_bytes: int
    sha256: str | None = None
    sha256_state: DigestState | None = None
    format: str | None = None


class FileRow(Answer):
    """A file by its path."""

    path: str
    status: Likeness
    values: list[ComparedFile | None]


class ComparedTensor(Answer):
    """A tensor as one version has it."""

    file: str
    dtype: str
    shape: list[int]
    """As the file's header has it; a GGUF file begins with the innermost dimension."""


class TensorRow(Answer):
    """A tensor by its name; of one that several files have, by its file, too."""

    name: str
    status: Likeness
    differs: list[Difference] = Field(default_factory=list[Difference])
    """In what those that have it differ, as far as it was found out."""
    values: list[ComparedTensor | None]


class Comparison(Answer):
    """Versions of a model side by side. Rows that differ come first, and each list is bounded."""

    model: str
    versions: list[ComparedVersion]
    metadata: list[MetadataRow]
    metadata_counts: Likenesses
    files: list[FileRow]
    file_counts: Likenesses
    tensors: list[TensorRow]
    """Of the versions whose tensors were read; empty where those are fewer than two."""
    tensor_counts: Likenesses
    left_out: int = 0
    """Rows of all three lists that are beyond the limit of each; the counts have them."""

    def _repr_html_(self) -> str:
        from registry.schemas.html import show_comparison

        return show_comparison(self)
