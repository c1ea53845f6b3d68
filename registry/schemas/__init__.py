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
from registry.schemas.comparison import Comparison
from registry.schemas.discovery import Discovery, EventsAddress
from registry.schemas.downloads import Download, Downloads
from registry.schemas.edits import Edit, EditPage, ModelDescription, ModelPatch, VersionPatch
from registry.schemas.events import (
    AliasChange,
    EditChange,
    EventData,
    EventType,
    ModelEvent,
    NamespaceEvent,
)
from registry.schemas.lifecycle import CopyRequest, DeletedVersion, HoldRequest
from registry.schemas.metadata import ModelMetadata, VersionMetadata
from registry.schemas.problems import FieldProblem, Problem
from registry.schemas.proposals import (
    AliasProposal,
    AliasProposalPage,
    ProposalChange,
    ProposalRequest,
    ProposalState,
)
from registry.schemas.rules import (
    EffectiveRules,
    ProtectedAlias,
    RequiredMetadata,
    Retention,
    RetentionReason,
    RetentionReport,
    RetentionVerdict,
    Rules,
    RulesChange,
    ScopeRules,
)
from registry.schemas.search import ModelSearchPage, VersionSearchPage
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
    Hold,
    Model,
    ModelPage,
    Reason,
    TensorSummary,
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
    "AliasProposal",
    "AliasProposalPage",
    "AliasRequest",
    "Artifact",
    "Comparison",
    "CompleteRequest",
    "CompositeDigest",
    "CopyRequest",
    "DeletedVersion",
    "Deletion",
    "DigestState",
    "Discovery",
    "Download",
    "Downloads",
    "Edit",
    "EditChange",
    "EditPage",
    "EffectiveRules",
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
    "ModelSearchPage",
    "NamespaceEvent",
    "NewToken",
    "PartRequest",
    "Problem",
    "ProposalChange",
    "ProposalRequest",
    "ProposalState",
    "ProtectedAlias",
    "Reason",
    "RequiredMetadata",
    "Retention",
    "RetentionReason",
    "RetentionReport",
    "RetentionVerdict",
    "ReuseRequest",
    "RollbackRequest",
    "Rules",
    "RulesChange",
    "ScopeRules",
    "SignPartsRequest",
    "SignedPart",
    "SignedParts",
    "SignedRequest",
    "TensorSummary",
    "Token",
    "UploadRequest",
    "UploadSession",
    "UploadedPart",
    "Version",
    "VersionMetadata",
    "VersionPage",
    "VersionPatch",
    "VersionSearchPage",
    "VersionState",
    "VersionSummary",
]
