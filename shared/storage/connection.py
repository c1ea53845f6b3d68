"""The one place that makes a miniopy-async client, and that turns its failures into ours."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Literal

import aiohttp
from aiohttp_retry import JitterRetry, RetryClient
from miniopy_async.api import Minio
from miniopy_async.error import InvalidResponseError, S3Error, ServerError
from miniopy_async.helpers import md5sum_hash

from shared.domain.errors import RegistryError, Unavailable
from shared.runtime.pem_files import load_authorities
from shared.runtime.progress import tell_progress
from shared.runtime.settings import Settings

RETRIES = 3
MAX_CONNECTIONS = 64
UNSUPPORTED = frozenset(("NotImplemented", "MethodNotAllowed", "InvalidArgument"))
"""Codes of stores that do not know a request at all."""
_BUSY = frozenset(("SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError"))
_DENIED = frozenset(
    # About who we are, or what time it is: an operator mends it, no request is wrong.
    (
        "AccessDenied",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    )
)
UNTRUSTED = "UntrustedCertificate"
"""Reason of a store whose certificate we do not trust, or that speaks no TLS."""
_NO_SUCH_REQUEST = {405: "MethodNotAllowed", 501: "NotImplemented"}
"""Codes for answers without a body: some stores say no more of what they cannot do."""
Kind = Literal["missing", "unavailable", "refused"]


class StorageUnavailable(Unavailable):
    """Storage does not answer, cannot answer at the moment, or denies us everything."""

    def __init__(self, reason: str) -> None:
        super().__init__("storage_unavailable", f"object storage is unavailable: {reason}")
        self.reason = reason
        """Storage's own code, or the type of the failure."""
        self.is_denied = reason in _DENIED or reason == UNTRUSTED
        """Whether storage answers, and it or we take the other for wrong: an operator mends it."""


class StorageMissing(RegistryError):
    """The object, bucket or multipart upload is not there."""

    status = 404
    title = "Not found"

    def __init__(self, code: str, resource: str) -> None:
        super().__init__("storage_missing", f"{resource} is not in storage ({code})")
        self.s3_code = code


class StorageRefused(RegistryError):
    """Storage understood the request and refuses it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__("storage_refused", f"object storage refused the request: {code}")
        self.s3_code = code
        self.message = message


def connect(settings: Settings) -> Minio:
    """Make a client. Call it inside the running loop; `close_session` closes it.

    The region is set so that nothing needs a network call first. Uploads travel by signed URLs and
    never through this client.
    """
    token = settings.minio_session_token
    client = Minio(
        settings.minio_endpoint,
        access_key=settings.minio_access_key.get_secret_value(),
        secret_key=settings.minio_secret_key.get_secret_value(),
        session_token=token.get_secret_value() if token is not None else None,
        region=settings.minio_region,
        secure=settings.minio_secure,
        session=open_session(settings),
    )
    # Said in any case: by itself it decides by the name of the host.
    if settings.minio_addressing == "virtual":
        client.enable_virtual_style_endpoint()
    else:
        client.disable_virtual_style_endpoint()
    return client


def open_session(settings: Settings) -> RetryClient:
    """Open the connections of a client; each request is tried up to three times with jitter.

    Bytes are taken as they are stored: who uploads an object says its Content-Encoding, and what
    is verified must not be what one gets by undoing it.
    """
    limit = settings.minio_timeout_seconds
    tls = load_authorities(settings.minio_ca_file) if settings.minio_secure else True
    return RetryClient(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, ssl=tls),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limit, sock_read=limit),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        ),
        retry_options=JitterRetry(
            attempts=RETRIES, start_timeout=0.1, max_timeout=2.0, statuses={500, 502, 503, 504}
        ),
    )


async def write_once(
    client: Minio,
    method: str,
    bucket: str,
    key: str,
    body: bytes,
    content_type: str,
    query: Mapping[str, str] | None = None,
) -> None:
    """Send a body that makes an object where there is none under the key.

    Raises StorageRefused "PreconditionFailed" where there is one, and the other storage errors.
    """
    with translated(f"{bucket}/{key}"):
        response = await client._execute(  # pyright: ignore[reportPrivateUsage]
            method,
            bucket,
            key,
            body=body,
            headers={
                "Content-Type": content_type,
                "Content-MD5": md5sum_hash(body) or "",
                "If-None-Match": "*",
            },
            query_params=dict(query) if query else None,
        )
        async with response:
            await response.read()


def classify(code: str, status: int) -> Kind:
    """Say what storage's answer means, by its code and HTTP status, for every caller alike.

    Many answers to HEAD have no body and so no code: the client names a 403 "AccessDenied" then,
    whatever the reason is.
    """
    if code.startswith("NoSuch"):
        return "missing"
    if status >= 500 and code not in UNSUPPORTED:
        return "unavailable"
    return "unavailable" if code in _BUSY | _DENIED else "refused"


@contextmanager
def translated(resource: str) -> Generator[None]:
    """Turn the client's failures into StorageMissing, StorageRefused or StorageUnavailable.

    An answer is a step of whatever asked.
    """
    try:
        yield
        tell_progress()
    except S3Error as error:
        tell_progress()
        code = error.code or "Unknown"
        kind = classify(code, error.response.status)
        if kind == "missing":
            raise StorageMissing(code, resource) from error
        if kind == "unavailable":
            raise StorageUnavailable(code) from error
        raise StorageRefused(code, error.message or "") from error
    except (InvalidResponseError, ServerError) as error:
        if (code := _NO_SUCH_REQUEST.get(_status_of(error))) is not None:
            raise StorageRefused(code, str(error)) from error
        raise StorageUnavailable(type(error).__name__) from error
    except aiohttp.ClientSSLError as error:
        raise StorageUnavailable(UNTRUSTED) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise StorageUnavailable(type(error).__name__) from error


def _status_of(error: InvalidResponseError | ServerError) -> int:
    """Return the HTTP status, which the client keeps to itself for one of both."""
    if isinstance(error, ServerError):
        return error.status_code
    return error._code  # pyright: ignore[reportPrivateUsage]
