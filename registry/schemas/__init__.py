"""Everything that travels between a user and the registry, as pydantic models.

Example:
    >>> from registry.schemas import ModelMetadata
    >>> ModelMetadata(name="churn", version="1.0.0", file_extension="pkl").file_name
    'churn.pkl'
"""

from registry.schemas.access import Identity, NewToken, Token
from registry.schemas.aliases import (
    Alias,
    AliasHistoryPage,
    AliasMove,
    AliasPage,
    AliasRequest,
    RollbackRequest,
)
from registry.schemas.edits import Edit, EditPage, ModelDescription, ModelPatch, VersionPatch
from registry.schemas.events import AliasChange, EditChange, EventData, EventType, ModelEvent
from registry.schemas.lifecycle import CopyRequest, HoldRequest
from registry.schemas.metadata import ModelMetadata, VersionMetadata
from registry.schemas.problems import FieldProblem, Problem
from registry.schemas.uploads import (
    CompleteRequest,
    FilePlan,
    FileRequest,
    PartRequest,
    ReuseRequest,
    SignedPart,
    SignedParts,
    SignedRequest,
    SignPartsRequest,
    UploadedPart,
    UploadRequest,
    UploadSession,
)
from registry.schemas.versions import (
    SETTLED,
    Artifact,
    CompositeDigest,
    Deletion,
    DigestState,
    Discovery,
    Download,
    Downloads,
    EventsAddress,
    Hold,
    Model,
    ModelPage,
    Reason,
    Version,
    VersionPage,
    VersionState,
    VersionSummary,
)

__all__ = [
    "SETTLED",
    "Alias",
    "AliasChange",
    "AliasHistoryPage",
    "AliasMove",
    "AliasPage",
    "AliasRequest",
    "Artifact",
    "CompleteRequest",
    "CompositeDigest",
    "CopyRequest",
    "Deletion",
    "DigestState",
    "Discovery",
    "Download",
    "Downloads",
    "Edit",
    "EditChange",
    "EditPage",
    "EventData",
    "EventType",
    "EventsAddress",
    "FieldProblem",
    "FilePlan",
    "FileRequest",
    "Hold",
    "HoldRequest",
    "Identity",
    "Model",
    "ModelDescription",
    "ModelEvent",
    "ModelMetadata",
    "ModelPage",
    "ModelPatch",
    "NewToken",
    "PartRequest",
    "Problem",
    "Reason",
    "ReuseRequest",
    "RollbackRequest",
    "SignPartsRequest",
    "SignedPart",
    "SignedParts",
    "SignedRequest",
    "Token",
    "UploadRequest",
    "UploadSession",
    "UploadedPart",
    "Version",
    "VersionMetadata",
    "VersionPage",
    "VersionPatch",
    "VersionState",
    "VersionSummary",
]
