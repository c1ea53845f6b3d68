"""Presigned requests are those that AWS's own library makes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import botocore.auth
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from shared.storage.signing import Credentials, PresignedRequest, presign

NOW = datetime(2026, 2, 3, 4, 5, 6, 789, UTC)
CREDENTIALS = Credentials("access+key", "secret/key=", "eu-west-1")

KEYS = {
    "plain": "churn/1/model.pkl",
    "space": "my model/1/a b.bin",
    "plus": "a+b/1/c+d.bin",
    "percent": "100%/1/%20%2F.bin",
    "unicode": "模型/1/ünï😀.bin",
    "reserved": "a@b/1/!*'();:&=$,?#[]~-._.bin",
}
QUERIES: Mapping[str, Mapping[str, str]] = {
    "no query": {},
    "a part": {"partNumber": "17", "uploadId": "a+b/c=d e~"},
    "a version": {"versionId": "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"},
}
HEADERS: Mapping[str, Mapping[str, str]] = {
    "host alone": {},
    "several": {
        "x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "content-length": "1048576",
        "if-none-match": "*",
        "x-amz-checksum-algorithm": "SHA256",
    },
}


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def fixed(remove_tzinfo: bool = False) -> datetime:
        return NOW

    monkeypatch.setattr(botocore.auth, "get_current_datetime", fixed)


def by_botocore(
    method: str,
    path: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    session_token: str = "",
) -> str:
    """Sign as botocore does, with every header signed."""
    url = f"https://storage.example:9000{quote(path, safe='/-_.~')}"
    if query:
        url += f"?{urlencode(query, quote_via=quote, safe='-_.~')}"
    request: Any = AWSRequest(method=method, url=url, headers=dict(headers))
    signer: Any = S3SigV4QueryAuth(
        BotocoreCredentials(CREDENTIALS.access_key, CREDENTIALS.secret_key, session_token or None),
        "s3",
        CREDENTIALS.region,
        expires=900,
    )
    signer.add_auth(request)
    return cast(str, request.url)


def by_us(
    method: Literal["GET", "PUT"],
    path: str,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    session_token: str = "",
) -> PresignedRequest:
    return presign(
        method,
        "https://storage.example:9000",
        path,
        replace(CREDENTIALS, session_token=session_token),
        now=NOW,
        expires_in_seconds=900,
        headers=headers,
        query=query,
    )


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("token", ["", "Fwo/GZ+x=="], ids=["lasting keys", "temporary keys"])
def test_the_signature_is_botocores(
    key: str, query: Mapping[str, str], headers: Mapping[str, str], token: str
) -> None:
    path = f"/bucket/{key}"
    theirs = urlsplit(by_botocore("PUT", path, headers, query, token))
    ours = urlsplit(by_us("PUT", path, headers, query, token).url)
    assert ours[:3] == theirs[:3], "scheme, host and path"
    assert dict(parse_qsl(ours.query)) == dict(parse_qsl(theirs.query))
    assert len(dict(parse_qsl(ours.query))["X-Amz-Signature"]) == 64


def test_the_method_is_signed() -> None:
    assert by_us("PUT", "/b/k").url != by_us("GET", "/b/k").url


def test_the_request_says_what_to_send_and_until_when() -> None:
    request = by_us("PUT", "/b/k", {"Content-Length": " 5 ", "If-None-Match": "*"})
    assert request.headers == {"content-length": "5", "if-none-match": "*"}
    assert request.expires_at == datetime(2026, 2, 3, 4, 20, 6, tzinfo=UTC)
    signed = dict(parse_qsl(urlsplit(request.url).query))["X-Amz-SignedHeaders"]
    assert signed == "content-length;host;if-none-match"


def test_neither_url_nor_secret_shows_in_a_log() -> None:
    assert "Signature" not in repr(by_us("GET", "/b/k"))
    assert "hidden" not in repr(replace(CREDENTIALS, session_token="hidden"))
    assert CREDENTIALS.secret_key not in repr(CREDENTIALS)
