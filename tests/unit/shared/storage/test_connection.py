"""What an answer of storage means: decided once, by its code and status."""

import ssl
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import SplitResult, urlunsplit

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from shared.runtime.settings import Settings
from shared.storage.connection import StorageUnavailable, classify, connect, translated
from tests.support.isolation import SETTINGS


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchKey", 404, "missing"),
        ("NoSuchVersion", 404, "missing"),
        ("NoSuchUpload", 404, "missing"),
        ("NoSuchBucket", 404, "missing"),
        ("SlowDown", 503, "unavailable"),
        ("RequestTimeout", 400, "unavailable"),
        ("InternalError", 500, "unavailable"),
        ("XMinioStorageFull", 507, "unavailable"),
        ("AccessDenied", 403, "unavailable"),
        ("InvalidAccessKeyId", 403, "unavailable"),
        ("SignatureDoesNotMatch", 403, "unavailable"),
        ("ExpiredToken", 400, "unavailable"),
        ("InvalidToken", 400, "unavailable"),
        ("RequestTimeTooSkewed", 403, "unavailable"),
        ("PreconditionFailed", 412, "refused"),
        ("InvalidPart", 400, "refused"),
        ("BucketAlreadyExists", 409, "refused"),
        ("NotImplemented", 501, "refused"),
        ("MethodNotAllowed", 405, "refused"),
        ("Unknown", 400, "refused"),
    ],
)
def test_an_answer_is_one_of_three_kinds(code: str, status: int, kind: str) -> None:
    assert classify(code, status) == kind


def test_a_denial_is_told_apart_from_an_absence() -> None:
    assert StorageUnavailable("AccessDenied").is_denied
    assert not StorageUnavailable("SlowDown").is_denied


@pytest.mark.parametrize(
    ("addressing", "endpoint", "place"),
    [
        ("path", "storage.example:9000", "https://storage.example:9000/models/k"),
        ("virtual", "storage.example:9000", "https://models.storage.example:9000/k"),
        # Whatever the library takes a host for, the settings decide.
        ("path", "s3.us-east-1.amazonaws.com", "https://s3.us-east-1.amazonaws.com/models/k"),
        ("virtual", "s3.us-east-1.amazonaws.com", "https://models.s3.us-east-1.amazonaws.com/k"),
    ],
)
async def test_requests_name_the_bucket_where_the_store_wants_it(
    addressing: str, endpoint: str, place: str
) -> None:
    values = {"minio_endpoint": endpoint, "minio_secure": True, "minio_addressing": addressing}
    client: Any = connect(Settings.model_validate(SETTINGS.model_dump() | values))
    try:
        built: SplitResult = client._base_url.build("GET", "us-east-1", "models", "k")
        assert urlunsplit(built) == place
    finally:
        await client.close_session()


def test_a_store_that_is_not_trusted_is_an_operators_to_mend() -> None:
    error = ssl.SSLCertVerificationError("no")
    key = cast(ConnectionKey, SimpleNamespace(ssl=True, host="h", port=1, is_ssl=True))
    with pytest.raises(StorageUnavailable) as caught, translated("models"):
        raise aiohttp.ClientConnectorCertificateError(key, error)
    assert caught.value.is_denied
    assert caught.value.reason == "UntrustedCertificate"
