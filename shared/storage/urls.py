"""Signed URLs for users: storage itself enforces what is signed into them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from shared.domain.digests import to_base64
from shared.runtime.settings import Settings
from shared.storage.signing import Credentials, PresignedRequest, presign

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._+@=,()-]")


class UrlSigner:
    """Signs uploads and downloads against the endpoint that users reach."""

    def __init__(self, settings: Settings) -> None:
        self._scheme, self._host = settings.storage_public_scheme, settings.storage_public_endpoint
        self._is_virtual = settings.minio_addressing == "virtual"
        token = settings.minio_session_token
        self._credentials = Credentials(
            settings.minio_access_key.get_secret_value(),
            settings.minio_secret_key.get_secret_value(),
            settings.minio_region,
            token.get_secret_value() if token is not None else "",
        )

    def put(
        self, bucket: str, key: str, *, size_bytes: int, sha256: str | None, ttl_seconds: int
    ) -> PresignedRequest:
        """One PUT of exactly this size and, where given, this hex digest; never an overwrite."""
        headers = {"content-length": str(size_bytes), "if-none-match": "*"}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = to_base64(sha256)
        return self._sign("PUT", bucket, key, ttl_seconds, headers=headers)

    def part(
        self,
        bucket: str,
        key: str,
        *,
        multipart_id: str,
        number: int,
        size_bytes: int,
        sha256: str | None,
        ttl_seconds: int,
    ) -> PresignedRequest:
        """One part of exactly this size and, where given, this hex digest."""
        headers = {"content-length": str(size_bytes)}
        if sha256 is not None:
            headers["x-amz-checksum-sha256"] = to_base64(sha256)
        return self._sign(
            "PUT",
            bucket,
            key,
            ttl_seconds,
            headers=headers,
            query={"partNumber": str(number), "uploadId": multipart_id},
        )

    def get(
        self, bucket: str, key: str, *, object_version: str | None, ttl_seconds: int
    ) -> PresignedRequest:
        """One download, pinned to the object version where storage keeps versions.

        It is always answered as a file to be saved, whatever type its uploader gave it: HTML or
        SVG would run in a browser with the rights of storage's origin. Nor does an encoding that
        they gave count: a client would undo it, and have other bytes than those that were verified.
        """
        query = {
            "response-content-type": "application/octet-stream",
            "response-content-encoding": "identity",
            "response-content-disposition": attachment(key.rpartition("/")[2]),
        }
        if object_version:
            query["versionId"] = object_version
        return self._sign("GET", bucket, key, ttl_seconds, query=query)

    def _sign(
        self,
        method: Literal["GET", "PUT"],
        bucket: str,
        key: str,
        ttl_seconds: int,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> PresignedRequest:
        host, path = self._place(bucket, key)
        return presign(
            method,
            f"{self._scheme}://{host}",
            path,
            self._credentials,
            now=datetime.now(UTC),
            expires_in_seconds=ttl_seconds,
            headers=headers,
            query=query,
        )

    def _place(self, bucket: str, key: str) -> tuple[str, str]:
        """Return the host and the path of an object, as the store wants its bucket named."""
        # A certificate for *.host does not stand for a name with a further dot.
        if self._is_virtual and not ("." in bucket and self._scheme == "https"):
            return f"{bucket}.{self._host}", f"/{key}"
        return self._host, f"/{bucket}/{key}"


def attachment(file_name: str) -> str:
    """Return a Content-Disposition that saves the file under its name (RFC 6266).

    Clients that know no `filename*` get the ASCII letters of the name.
    """
    plain = _NOT_PLAIN.sub("_", file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
