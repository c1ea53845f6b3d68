"""Presigned requests with signed headers: AWS Signature Version 4 in the query string.

miniopy-async signs only `host`; a signed `content-length`, `if-none-match` and checksum are what
makes storage itself refuse another body or a second write. The algorithm:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What requests are signed with."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str
    session_token: str = field(default="", repr=False)
    """Goes with temporary keys, and into the signed URL."""


@dataclass(frozen=True, slots=True)
class PresignedRequest:
    """A request that anyone may send until it expires; the URL is a secret until then."""

    method: Literal["GET", "PUT"]
    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: datetime


def presign(
    method: Literal["GET", "PUT"],
    base_url: str,
    path: str,
    credentials: Credentials,
    *,
    now: datetime,
    expires_in_seconds: int,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> PresignedRequest:
    """Sign a request to `base_url` (scheme://host[:port]) + `path` (unencoded, from the root).

    Every given header is signed, so the request must carry exactly these. `now` is UTC.
    """
    scheme, host = base_url.split("://", 1)
    signed = {name.lower(): value.strip() for name, value in (headers or {}).items()}
    canonical_headers = dict(sorted({**signed, "host": host}.items()))
    names = ";".join(canonical_headers)
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{timestamp[:8]}/{credentials.region}/s3/aws4_request"
    parameters = {
        **(query or {}),
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(expires_in_seconds),
        "X-Amz-SignedHeaders": names,
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    encoded_query = "&".join(
        sorted(f"{_encode(name)}={_encode(value)}" for name, value in parameters.items())
    )
    encoded_path = quote(path, safe="/-_.~")
    canonical_request = "\n".join(
        [
            method,
            encoded_path,
            encoded_query,
            *(f"{name}:{value}" for name, value in canonical_headers.items()),
            "",
            names,
            "UNSIGNED-PAYLOAD",
        ]
    )
    request_digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    text = "\n".join([ALGORITHM, timestamp, scope, request_digest])
    signature = _sign(credentials, scope, text)
    return PresignedRequest(
        method=method,
        url=f"{scheme}://{host}{encoded_path}?{encoded_query}&X-Amz-Signature={signature}",
        headers=signed,
        expires_at=now.replace(microsecond=0) + timedelta(seconds=expires_in_seconds),
    )


def _encode(value: str) -> str:
    return quote(value, safe="-_.~")


def _sign(credentials: Credentials, scope: str, text: str) -> str:
    key = f"AWS4{credentials.secret_key}".encode()
    for element in scope.split("/"):
        key = hmac.digest(key, element.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
