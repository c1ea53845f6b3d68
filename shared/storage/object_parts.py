"""Read the part digests of a stored object: GetObjectAttributes, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from aiohttp import ClientResponse
from miniopy_async.api import Minio

from shared.domain.digests import to_hex
from shared.storage.connection import StorageRefused, translated

PAGE_PARTS = 1000
"""AWS gives no more; MinIO would give 10,000 parts (1.4 MB of XML) in one answer."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""A page of parts, also where a store gives all 10,000 at once."""


@dataclass(frozen=True, slots=True)
class PartDigest:
    """A part of a finished object, as storage keeps it."""

    number: int
    start: int
    size_bytes: int
    sha256: str | None
    """Hex digest that storage verified when the part came; None where nobody stated one."""


async def read_parts(client: Minio, bucket: str, key: str, version: str | None) -> list[PartDigest]:
    """Return the parts in the order of their bytes; one part for an object of a single PUT.

    AWS names no parts for a single PUT and for parts without digests: the list is then empty.
    A single PUT's digest is not in its part: take it from HEAD (checksum mode) as before. Raises
    StorageMissing, StorageUnavailable, or StorageRefused where no pages come, or do not go on.
    """
    parts: list[PartDigest] = []
    while True:
        marker = parts[-1].number if parts else 0
        page, count = await _page(client, bucket, key, version, marker, _end(parts))
        parts += page
        # MinIO compares the last part's number with the count to say IsTruncated: with gaps in
        # the numbers it never stops, or stops early. The count itself is right.
        if len(parts) == count or (not parts and not page):
            return parts
        if not page or page[0].number <= marker or len(parts) > count:
            raise StorageRefused("UnexpectedPart", "the pages of parts do not go on")


async def _page(
    client: Minio, bucket: str, key: str, version: str | None, marker: int, start: int
) -> tuple[list[PartDigest], int]:
    # Page size and marker are headers; MinIO and AWS ignore them in the query.
    headers: dict[str, str | list[str] | tuple[str]] = {
        "x-amz-object-attributes": "ObjectParts",
        "x-amz-max-parts": str(PAGE_PARTS),
    }
    if marker:
        headers["x-amz-part-number-marker"] = str(marker)
    query = {"attributes": ""} | ({"versionId": version} if version else {})
    with translated(f"{bucket}/{key}"):
        response = await client._execute(  # pyright: ignore[reportPrivateUsage]
            "GET", bucket, key, headers=headers, query_params=dict(query)
        )
        async with response:
            xml = await _read_answer(response)
    try:
        return parse_page(xml, start)
    except (ET.ParseError, ValueError) as error:
        raise StorageRefused("UnexpectedAnswer", f"no list of parts came: {error}") from error


async def _read_answer(response: ClientResponse) -> bytes:
    """Read an answer of bounded size: a store that does not know the request gives the object."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise StorageRefused("UnexpectedAnswer", "what came is too large for a list of parts")
    return bytes(body)


def parse_page(xml: str | bytes, start: int) -> tuple[list[PartDigest], int]:
    """Return the parts of a page whose first byte is `start`, and how many the object has.

    MinIO answers without an XML namespace, AWS with one.
    """
    root = ET.fromstring(xml)  # noqa: S314 - an answer of our storage
    parts: list[PartDigest] = []
    for element in root.iterfind("{*}ObjectParts/{*}Part"):
        checksum = element.findtext("{*}ChecksumSHA256")
        size = int(element.findtext("{*}Size", "0"))
        number = int(element.findtext("{*}PartNumber", "0"))
        parts.append(PartDigest(number, start, size, to_hex(checksum) if checksum else None))
        start += size
    return parts, int(root.findtext("{*}ObjectParts/{*}PartsCount", "0"))


def _end(parts: Sequence[PartDigest]) -> int:
    return parts[-1].start + parts[-1].size_bytes if parts else 0
