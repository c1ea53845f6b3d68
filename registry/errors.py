"""Everything the client raises, as one tree.

RegistryError                      catch this one to catch them all
├── ServiceError                   a service refused the request
│   ├── InvalidRequestError        a field breaks a rule; `errors` names it
│   ├── AccessDeniedError          the caller may not do this, or their token does not count
│   ├── NotFoundError              what the request names is not there
│   ├── EventsGoneError            the registry keeps no more what came behind an event
│   └── ConflictError              the state of what it names does not allow it
│       ├── ApprovalNeededError    the alias moves once somebody else approves: propose it
│       ├── VersionNotReadyError   the version has no verified bytes to hand out
│       ├── RevisionMismatchError  it is not at the revision that the caller named
│       ├── UploadIncompleteError  storage lacks parts or files of the upload
│       ├── UploadAbortedError     the upload was aborted or has expired
│       └── UploadMismatchError    the upload, or the idempotency key, is for something else
├── UnavailableError               no usable answer from a service or storage; try again later
│   └── WaitTimeoutError           the version was still being verified when the time was up
├── VersionRejectedError           the uploaded bytes failed verification; `reasons` says why
├── StorageError                   storage refused a signed request for good
├── SourceError                    what is to be uploaded cannot be read as a model
│   └── SourceChangedError         it changed while it was uploaded; the upload was aborted
├── DestinationError               a download cannot be written to where it should go
├── DigestMismatchError            downloaded bytes are not the bytes that were verified
├── UnsafePathError                an artifact's path would lead out of the target folder
├── ProfileError                   the file of profiles cannot be read or written
├── UntrustedOriginError           the token may not be sent where a registry's discovery leads
├── CertificateError               a server shows a certificate that is not trusted
├── ConnectionSettingsError        a file of certificates, or a setting of Kafka, cannot be used
├── CacheError                     the cache on this machine cannot give what was asked for
│   ├── NotCachedError             it is not in the cache, and nothing else is to be asked
│   ├── CacheFullError             it does not fit beside what is in use
│   └── CacheBusyError             another process was at work in it for too long
├── UntrustedModelError            a file holds types that were not said to be trusted
├── ProtocolError                  an answer breaks the registry's contract
└── MissingExtraError              an optional dependency is not installed

No message, and no attribute that is shown, holds a signed URL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command tells errors without loading pydantic
    from registry.schemas import Reason, Version


class RegistryError(Exception):
    """The registry could not do what was asked."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field of a request and the rule it breaks."""

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


class ServiceError(RegistryError):
    """A service refused the request."""

    def __init__(
        self, detail: str, *, code: str, status: int, errors: Sequence[FieldError] = ()
    ) -> None:
        named = "; ".join(str(error) for error in errors if error.rule not in detail)
        super().__init__(f"{detail} ({named})" if named else detail)
        self.detail = detail
        """For a person: what is wrong."""
        self.code = code
        """Stable name of the problem, e.g. "version_not_ready"."""
        self.status = status
        """HTTP status; 422 as well where the client itself refused the request."""
        self.errors = tuple(errors)
        """The fields that break a rule; empty unless the request was invalid."""
        self.request_id: str | None = None
        """What the service's log and audit call the request; None where no service answered."""


class InvalidRequestError(ServiceError):
    """A field breaks a rule; `errors` names it."""


class AccessDeniedError(ServiceError):
    """The caller may not do this."""


class NotFoundError(ServiceError):
    """What the request names is not there."""


class EventsGoneError(ServiceError):
    """The registry does not keep all that came behind an event: some would be missing."""

    oldest_event_id: str | None = None
    """Place to begin at with the oldest event that is kept."""


class ConflictError(ServiceError):
    """The state of what the request names does not allow it."""


class ApprovalNeededError(ConflictError):
    """Nobody moves the alias alone: propose the move, and let somebody else approve it."""


class VersionNotReadyError(ConflictError):
    """The version has no verified bytes to hand out."""


class RevisionMismatchError(ConflictError):
    """It is not at the revision that the caller named: somebody else changed it meanwhile."""


class UploadIncompleteError(ConflictError):
    """Storage lacks parts or files of the upload."""


class UploadAbortedError(ConflictError):
    """The upload was aborted or has expired."""


class UploadMismatchError(ConflictError):
    """The upload, or the idempotency key, is for something else."""

    def __init__(self, detail: str, *, code: str = "upload_mismatch", status: int = 409) -> None:
        super().__init__(detail, code=code, status=status)


class UnavailableError(RegistryError):
    """No usable answer came from a service or storage, often enough to give up."""

    def __init__(self, detail: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds
        """When the other side asked to be called again, where it said so."""


class WaitTimeoutError(UnavailableError):
    """The version was still being verified when the time was up."""


class VersionRejectedError(RegistryError):
    """The uploaded bytes failed verification; `reasons` says why."""

    def __init__(self, version: "Version") -> None:
        found = "; ".join(f"{reason.code}: {reason.detail}" for reason in version.reasons)
        super().__init__(f"{version.model} version {version.number} is {version.state}: {found}")
        self.version = version
        self.reasons: list[Reason] = version.reasons


class StorageError(RegistryError):
    """Storage refused a signed request for good."""

    def __init__(self, detail: str, *, status: int, code: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        """S3's error code, e.g. "NoSuchKey"; empty where storage gave none."""


class SourceError(RegistryError):
    """What is to be uploaded cannot be read as a model."""


class SourceChangedError(SourceError):
    """The file changed while it was uploaded; the upload was aborted."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} changed while it was uploaded")
        self.path = path


class DestinationError(RegistryError):
    """A download cannot be written to where it should go."""


class DigestMismatchError(RegistryError):
    """Downloaded bytes are not the bytes that were verified."""


class UnsafePathError(RegistryError):
    """An artifact's path would lead out of the target folder."""


class ProfileError(RegistryError):
    """The file of profiles cannot be read or written."""


class UntrustedOriginError(RegistryError):
    """A registry's discovery leads to an origin that nobody said the token may be sent to."""

    def __init__(self, url: str, origin: str) -> None:
        super().__init__(
            f"{url} leads to {origin}, to which the token is not sent: nothing names it but the"
            f" registry itself. Run `registry login {url}`, or set REGISTRY_ORIGINS={origin}"
        )
        self.origin = origin


class CertificateError(RegistryError):
    """A server shows a certificate that is not trusted; nothing was sent to it."""

    def __init__(self, place: str, reason: str, remedy: str = "") -> None:
        remedy = remedy or "where it is your own authority's, name that in REGISTRY_CA_FILE"
        super().__init__(f"the certificate of {place} is not trusted: {reason} ({remedy})")
        self.place = place
        """The server, as people know it."""


class ConnectionSettingsError(RegistryError):
    """A file of certificates, or a setting of Kafka, cannot be used."""


class CacheError(RegistryError):
    """The cache on this machine cannot give what was asked for."""


class NotCachedError(CacheError):
    """It is not in the cache, and the registry was not to be asked."""


class CacheFullError(CacheError):
    """The version does not fit into the cache beside what is in use."""


class CacheBusyError(CacheError):
    """Another process was at work in the cache for longer than the caller would wait."""


class UntrustedModelError(RegistryError):
    """A file holds types that were not said to be trusted; nothing of it was loaded."""


class ProtocolError(RegistryError):
    """An answer breaks the registry's contract."""


class MissingExtraError(RegistryError, ImportError):
    """An optional dependency is not installed."""
