"""Bodies of the Hub's calls: what its clients send, and what they read of an answer.

As huggingface_hub 0.36 to 2.4 sends them (`_commit_api.py`, `lfs.py`, `hf_api.py`); what a newer
one says besides is ignored.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from registry.schemas.aliases import Why
from registry.schemas.names import FilePath, Sha256, WholeNumber
from registry.schemas.uploads import MAX_OBJECT_BYTES

MOST_FILES = 256
"""Files of one call: its clients ask for no more at once."""
MAX_SAMPLE_CHARACTERS = 4096
"""Of base64; the clients send 512 bytes."""
REVISION_CHARACTERS = 200


class HubBody(BaseModel):
    """A value of the Hub's wire."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class PreuploadFile(HubBody):
    """A file that is about to be uploaded."""

    path: FilePath
    size: WholeNumber = Field(ge=0, le=MAX_OBJECT_BYTES)
    sample: str = Field(default="", max_length=MAX_SAMPLE_CHARACTERS)
    """Base64 of its first bytes."""


class PreuploadRequest(HubBody):
    """Asks how each file is to be sent."""

    files: list[PreuploadFile] = Field(min_length=1, max_length=MOST_FILES)


class FileMode(HubBody):
    """How a file is to be sent."""

    path: str
    upload_mode: Literal["lfs", "regular"] = Field(serialization_alias="uploadMode")
    should_ignore: bool = Field(default=False, serialization_alias="shouldIgnore")
    oid: str | None = None
    """Digest of the file that is there: whoever has the same does not commit it again."""


class PreuploadAnswer(HubBody):
    """How each file is to be sent."""

    files: list[FileMode]


class LfsObject(HubBody):
    """Bytes by their digest."""

    oid: Sha256
    size: WholeNumber = Field(ge=1, le=MAX_OBJECT_BYTES)


class LfsBatchRequest(HubBody):
    """Asks where bytes are to be sent: Git LFS, docs/api/batch.md."""

    operation: Literal["upload"]
    objects: list[LfsObject] = Field(min_length=1, max_length=MOST_FILES)


class LfsUpload(HubBody):
    """Where bytes are to be sent: in parts, whose end is told to `href`."""

    href: str = Field(repr=False)
    header: dict[str, str] = Field(repr=False)
    """`chunk_size`, and the signed URL of each part by its number."""


class LfsActions(HubBody):
    """What is to be done with bytes."""

    upload: LfsUpload


class LfsAnswer(HubBody):
    """What is to be done with one object; without `actions` nothing."""

    oid: str
    size: int
    authenticated: bool = True
    actions: LfsActions | None = None


class LfsBatchAnswer(HubBody):
    """What is to be done with each object."""

    transfer: Literal["multipart"] = "multipart"
    objects: list[LfsAnswer]
    hash_algo: Literal["sha256"] = "sha256"


class CommitAnswer(HubBody):
    """The version that a commit made."""

    success: bool = True
    commit_oid: str = Field(serialization_alias="commitOid")
    commit_url: str = Field(serialization_alias="commitUrl")
    hook_output: str = Field(default="", serialization_alias="hookOutput")


class BranchRequest(HubBody):
    """Makes a branch."""

    starting_point: Annotated[
        str | None, Field(alias="startingPoint", min_length=1, max_length=REVISION_CHARACTERS)
    ] = None


class TagRequest(HubBody):
    """Makes a tag."""

    tag: str = Field(min_length=1, max_length=REVISION_CHARACTERS)
    message: Why = ""
