"""Client of the model registry: upload, find, download and follow model versions.

Example:
    import registry

    with registry.ModelRegistryClient("http://localhost:8000") as client:
        version = client.upload("churn", "churn.safetensors", metrics={"auc": 0.91})
        print(version.number, version.state)

Importing it loads nothing else: each name below is loaded from its module when it is first used,
so that whoever needs the schemas alone loads no HTTP client.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry._legacy import UploadedModel
    from registry._retry import RetryPolicy
    from registry.aio import AsyncModelRegistryClient
    from registry.cache import Cache
    from registry.client import ModelRegistryClient
    from registry.errors import (
        AccessDeniedError,
        ApprovalNeededError,
        CacheBusyError,
        CacheError,
        CacheFullError,
        CertificateError,
        ConflictError,
        ConnectionSettingsError,
        DestinationError,
        DigestMismatchError,
        EventsGoneError,
        FieldError,
        InvalidRequestError,
        MissingExtraError,
        NotCachedError,
        NotFoundError,
        ProfileError,
        ProtocolError,
        RegistryError,
        RevisionMismatchError,
        ServiceError,
        SourceChangedError,
        SourceError,
        StorageError,
        UnavailableError,
        UnsafePathError,
        UntrustedModelError,
        UntrustedOriginError,
        UploadAbortedError,
        UploadIncompleteError,
        UploadMismatchError,
        VersionNotReadyError,
        VersionRejectedError,
        WaitTimeoutError,
    )
    from registry.kafka import KafkaSecurity
    from registry.loading import load, release
    from registry.schemas import (
        Artifact,
        Download,
        Downloads,
        Identity,
        Model,
        ModelEvent,
        ModelMetadata,
        NewToken,
        Reason,
        Token,
        Version,
        VersionState,
        VersionSummary,
    )
    from registry.subscription import Subscription, subscribe
else:  # type checkers do not see this part: with __getattr__ every name would be allowed
    _HOMES = {
        "AsyncModelRegistryClient": "registry.aio",
        "Cache": "registry.cache",
        "KafkaSecurity": "registry.kafka",
        "ModelRegistryClient": "registry.client",
        "RetryPolicy": "registry._retry",
        "Subscription": "registry.subscription",
        "UploadedModel": "registry._legacy",
        "load": "registry.loading",
        "release": "registry.loading",
        "subscribe": "registry.subscription",
    }
    """Modules of the names that are neither errors nor schemas."""
    _SUBMODULES = (
        "aio",
        "cache",
        "client",
        "errors",
        "kafka",
        "openers",
        "schemas",
        "subscription",
    )

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name in _SUBMODULES:
            return import_module(f"{__name__}.{name}")
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        usual = "registry.errors" if name.endswith("Error") else "registry.schemas"
        value = getattr(import_module(_HOMES.get(name, usual)), name)
        globals()[name] = value  # the next use finds it without asking here
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__, *_SUBMODULES})


__all__ = [
    "AccessDeniedError",
    "ApprovalNeededError",
    "Artifact",
    "AsyncModelRegistryClient",
    "Cache",
    "CacheBusyError",
    "CacheError",
    "CacheFullError",
    "CertificateError",
    "ConflictError",
    "ConnectionSettingsError",
    "DestinationError",
    "DigestMismatchError",
    "Download",
    "Downloads",
    "EventsGoneError",
    "FieldError",
    "Identity",
    "InvalidRequestError",
    "KafkaSecurity",
    "MissingExtraError",
    "Model",
    "ModelEvent",
    "ModelMetadata",
    "ModelRegistryClient",
    "NewToken",
    "NotCachedError",
    "NotFoundError",
    "ProfileError",
    "ProtocolError",
    "Reason",
    "RegistryError",
    "RetryPolicy",
    "RevisionMismatchError",
    "ServiceError",
    "SourceChangedError",
    "SourceError",
    "StorageError",
    "Subscription",
    "Token",
    "UnavailableError",
    "UnsafePathError",
    "UntrustedModelError",
    "UntrustedOriginError",
    "UploadAbortedError",
    "UploadIncompleteError",
    "UploadMismatchError",
    "UploadedModel",
    "Version",
    "VersionNotReadyError",
    "VersionRejectedError",
    "VersionState",
    "VersionSummary",
    "WaitTimeoutError",
    "load",
    "release",
    "subscribe",
]
