"""Multipart uploads: created and completed here, their parts sent by users with signed URLs.

The client's own uploader completes even after an error, so only its single calls are used.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree as ET

from miniopy_async.api import Minio
from miniopy_async.helpers import md5sum_hash

from shared.domain.digests import to_base64, to_hex
from shared.storage.connection import StorageMissing, translated, write_once

_LIST_LIMIT = 1000
_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that storage has, as ListParts tells of it."""

    number: int
    size_bytes: int
    etag: str
    sha256: str | None
    """Hex digest that storage verified."""


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A multipart upload that was neither completed nor aborted."""

    key: str
    multipart_id: str
    initiated_at: datetime


class MultipartUploads:
    """Multipart uploads whose parts storage verifies by SHA-256.

    Every method raises StorageMissing (NoSuchUpload among it), StorageRefused or
    StorageUnavailable.
    """

    def __init__(self, client: Minio) -> None:
        self._client = client

    async def create(self, bucket: str, key: str, *, attests: bool = True) -> str:
        """Open a multipart upload that attests SHA-256, and return its id.

        One that attests nothing takes parts of which no digest comes.
        """
        with translated(f"{bucket}/{key}"):
            return await self._client._create_multipart_upload(  # pyright: ignore[reportPrivateUsage]
                bucket, key, {"x-amz-checksum-algorithm": "SHA256"} if attests else {}
            )

    async def put_part(
        self, bucket: str, key: str, multipart_id: str, number: int, body: bytes
    ) -> None:
        """Send a small part of an upload that attests nothing."""
        with translated(f"{bucket}/{key}"):
            response = await self._client._execute(  # pyright: ignore[reportPrivateUsage]
                "PUT",
                bucket,
                key,
                body=body,
                headers={"Content-MD5": md5sum_hash(body) or ""},
                query_params={"partNumber": str(number), "uploadId": multipart_id},
            )
            async with response:
                await response.read()

    async def parts(self, bucket: str, key: str, multipart_id: str) -> list[StoredPart]:
        """Return the parts that storage has, in order of their number."""
        parts: list[StoredPart] = []
        marker = ""
        while True:
            page, marker = await self._list_page(bucket, key, multipart_id, marker)
            parts += page
            if not marker:
                return parts

    async def complete(
        self, bucket: str, key: str, multipart_id: str, parts: Sequence[StoredPart]
    ) -> None:
        """Join the parts into the object.

        A retry of a lost answer raises StorageMissing although the object is there: HEAD it.
        """
        body, query = _complete_body(parts), {"uploadId": multipart_id}
        await write_once(self._client, "POST", bucket, key, body, "application/xml", query)

    async def abort(self, bucket: str, key: str, multipart_id: str) -> None:
        """Drop the upload and its parts; quiet where it is gone."""
        try:
            with translated(f"{bucket}/{key}"):
                await self._client._abort_multipart_upload(  # pyright: ignore[reportPrivateUsage]
                    bucket, key, multipart_id
                )
        except StorageMissing:
            return

    async def open_uploads(
        self, bucket: str, *, prefix: str = ""
    ) -> AsyncGenerator[list[OpenUpload]]:
        """Yield the open multipart uploads under the prefix, in pages.

        MinIO differs from S3: a prefix is taken for a whole key there, of which the first page
        comes and no other; without a prefix it lists what this node remembers since its start. So
        what is to be complete is asked key by key, and again once the first page is aborted.
        """
        key_marker = id_marker = ""
        while True:
            query = {"uploads": "", "prefix": prefix, "max-uploads": str(_LIST_LIMIT)}
            query["encoding-type"] = "url"
            if key_marker:
                query |= {"key-marker": key_marker, "upload-id-marker": id_marker}
            root = ET.fromstring(await self._get(bucket, None, query))  # noqa: S314 - our storage
            if page := _parse_uploads(root):
                yield page
            before = key_marker, id_marker
            key_marker = unquote_plus(root.findtext(f"{_NAMESPACE}NextKeyMarker", ""))
            id_marker = root.findtext(f"{_NAMESPACE}NextUploadIdMarker", "")
            truncated = root.findtext(f"{_NAMESPACE}IsTruncated") == "true"
            if not truncated or not key_marker or (key_marker, id_marker) == before:
                return

    async def _get(self, bucket: str, key: str | None, query: dict[str, str]) -> str:
        with translated(f"{bucket}/{key or ''}"):
            # The client's own result classes drop the checksums of parts, and pages of uploads.
            response = await self._client._execute(  # pyright: ignore[reportPrivateUsage]
                "GET", bucket, key, query_params=dict(query)
            )
            async with response:
                return await response.text()

    async def _list_page(
        self, bucket: str, key: str, multipart_id: str, marker: str
    ) -> tuple[list[StoredPart], str]:
        query = {"uploadId": multipart_id, "max-parts": str(_LIST_LIMIT)}
        if marker:
            query["part-number-marker"] = marker
        return _parse_parts(await self._get(bucket, key, query))


def _complete_body(parts: Sequence[StoredPart]) -> bytes:
    root = ET.Element("CompleteMultipartUpload")
    for part in parts:
        element = ET.SubElement(root, "Part")
        ET.SubElement(element, "PartNumber").text = str(part.number)
        ET.SubElement(element, "ETag").text = f'"{part.etag}"'
        if part.sha256 is not None:
            ET.SubElement(element, "ChecksumSHA256").text = to_base64(part.sha256)
    return ET.tostring(root)


def _parse_parts(xml: str) -> tuple[list[StoredPart], str]:
    root = ET.fromstring(xml)  # noqa: S314 - an answer of our storage
    parts: list[StoredPart] = []
    for element in root.iter(f"{_NAMESPACE}Part"):
        checksum = element.findtext(f"{_NAMESPACE}ChecksumSHA256")
        parts.append(
            StoredPart(
                number=int(element.findtext(f"{_NAMESPACE}PartNumber", "0")),
                size_bytes=int(element.findtext(f"{_NAMESPACE}Size", "0")),
                etag=element.findtext(f"{_NAMESPACE}ETag", "").strip('"'),
                sha256=to_hex(checksum) if checksum else None,
            )
        )
    truncated = root.findtext(f"{_NAMESPACE}IsTruncated") == "true"
    return parts, root.findtext(f"{_NAMESPACE}NextPartNumberMarker", "") if truncated else ""


def _parse_uploads(root: ET.Element) -> list[OpenUpload]:
    return [
        OpenUpload(
            key=unquote_plus(element.findtext(f"{_NAMESPACE}Key", "")),
            multipart_id=element.findtext(f"{_NAMESPACE}UploadId", ""),
            initiated_at=datetime.fromisoformat(element.findtext(f"{_NAMESPACE}Initiated", "")),
        )
        for element in root.iter(f"{_NAMESPACE}Upload")
    ]
