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
from registry.schemas.events import AliasChange, EventData, EventType, ModelEvent
from registry.schemas.metadata import ModelMetadata, VersionMetadata
from registry.schemas.problems import FieldProblem, Problem
from registry.schemas.search import ModelSearchPage, VersionSearchPage
from registry.schemas.uploads import (
    CompleteRequest,
    FilePlan,
    FileRequest,
    PartRequest,
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
    DigestState,
    Discovery,
    Download,
    Downloads,
    EventsAddress,
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
    "DigestState",
    "Discovery",
    "Download",
    "Downloads",
    "EventData",
    "EventType",
    "EventsAddress",
    "FieldProblem",
    "FilePlan",
    "FileRequest",
    "Identity",
    "Model",
    "ModelEvent",
    "ModelMetadata",
    "ModelPage",
    "ModelSearchPage",
    "NewToken",
    "PartRequest",
    "Problem",
    "Reason",
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
    "VersionSearchPage",
    "VersionState",
    "VersionSummary",
]
