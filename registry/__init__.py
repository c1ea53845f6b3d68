"""Client of the model registry: upload, find, download and follow model versions.

Example:
    import registry

    with registry.ModelRegistryClient("http://localhost:8000") as client:
        version = client.upload("churn", "churn.safetensors", metrics={"auc": 0.91})
        print(version.number, version.state)
"""

from registry._legacy import UploadedModel
from registry._retry import RetryPolicy
from registry.aio import AsyncModelRegistryClient
from registry.client import ModelRegistryClient
from registry.errors import (
    AccessDeniedError,
    ConflictError,
    DigestMismatchError,
    FieldError,
    InvalidRequestError,
    MissingExtraError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    ServiceError,
    SourceChangedError,
    SourceError,
    StorageError,
    UnavailableError,
    UnsafePathError,
    UploadAbortedError,
    UploadIncompleteError,
    UploadMismatchError,
    VersionNotReadyError,
    VersionRejectedError,
    WaitTimeoutError,
)
from registry.schemas import (
    Artifact,
    Download,
    Downloads,
    Model,
    ModelEvent,
    ModelMetadata,
    Reason,
    Version,
    VersionState,
)
from registry.subscribe import Subscription, subscribe

__all__ = [
    "AccessDeniedError",
    "Artifact",
    "AsyncModelRegistryClient",
    "ConflictError",
    "DigestMismatchError",
    "Download",
    "Downloads",
    "FieldError",
    "InvalidRequestError",
    "MissingExtraError",
    "Model",
    "ModelEvent",
    "ModelMetadata",
    "ModelRegistryClient",
    "NotFoundError",
    "ProtocolError",
    "Reason",
    "RegistryError",
    "RetryPolicy",
    "ServiceError",
    "SourceChangedError",
    "SourceError",
    "StorageError",
    "Subscription",
    "UnavailableError",
    "UnsafePathError",
    "UploadAbortedError",
    "UploadIncompleteError",
    "UploadMismatchError",
    "UploadedModel",
    "Version",
    "VersionNotReadyError",
    "VersionRejectedError",
    "VersionState",
    "WaitTimeoutError",
    "subscribe",
]
