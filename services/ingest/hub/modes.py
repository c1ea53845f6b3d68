"""How files are to be sent: small texts inside the commit, all others to storage."""

import base64
import codecs
from collections.abc import Iterable

from services.ingest.context import Context
from services.ingest.hub.bodies import FileMode, PreuploadFile, PreuploadRequest
from services.ingest.hub.heads import find_head
from shared.domain.errors import InvalidRequest
from shared.domain.records import VersionRecord

INLINE_FILE_BYTES = 128 * 1024
INLINE_CALL_BYTES = 512 * 1024
"""Of the files of one call: a commit of 1,000 files takes four, and has room in a body of 4 MiB."""


async def choose_modes(
    model: str, branch: str, request: PreuploadRequest, context: Context
) -> list[FileMode]:
    """Return how each file is to be sent, and the digest of what is there by its name.

    Raises InvalidRequest for an empty file, and NotFound for the branch.
    """
    for index, file in enumerate(request.files):
        if not file.size:
            rule = f"must not be an empty file, which a version cannot have: {file.path!r}"
            raise InvalidRequest(f"files.{index}.size", rule)
    inline = inline_files(request.files)
    head = await find_head(model, branch, context)
    known = _digests(head.version)
    return [
        FileMode(path=file.path, upload_mode="regular")
        if index in inline
        else FileMode(path=file.path, upload_mode="lfs", oid=known.get(file.path))
        for index, file in enumerate(request.files)
    ]


def inline_files(files: Iterable[PreuploadFile]) -> set[int]:
    """Return which files go into the commit: the smallest texts, as long as there is room."""
    small = [
        (file.size, index)
        for index, file in enumerate(files)
        if file.size <= INLINE_FILE_BYTES and _is_text(file.sample)
    ]
    chosen: set[int] = set()
    room = INLINE_CALL_BYTES
    for size, index in sorted(small):
        room -= size
        if room < 0:
            break
        chosen.add(index)
    return chosen


def _is_text(sample: str) -> bool:
    """Whether a file begins like UTF-8; the last character of a sample may be cut."""
    try:
        begin = base64.b64decode(sample, validate=True)
        text = codecs.getincrementaldecoder("utf-8")().decode(begin)
    except ValueError:
        return False
    return bool(text) and "\0" not in text


def _digests(version: VersionRecord | None) -> dict[str, str]:
    if version is None or version.state != "ready":
        return {}
    return {
        each.path: each.sha256
        for each in version.artifacts
        if each.sha256 is not None and each.sha256_state == "verified"
    }
