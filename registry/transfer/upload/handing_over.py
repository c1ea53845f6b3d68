"""Uploads that one program opens and another one sends: declared by the first, taken by the second.

Who takes one over was told its id and its token, and brings the bytes. That these are the bytes
which the version gets has to be proved here: an ordinary upload knows it by its own request.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace

from registry.errors import UploadAbortedError, UploadMismatchError
from registry.schemas import FilePlan, UploadSession, Version
from registry.transfer.upload.hashing import PartDigests, hash_in_thread
from registry.transfer.upload.session import OpenUpload, differing, examine_ledger
from registry.transfer.upload.sources import SourceFile

CHECKSUM_HEADER = "x-amz-checksum-sha256"


def fitted(
    files: Sequence[SourceFile], session: UploadSession, path: str | None
) -> list[SourceFile]:
    """Return files under the paths that the upload has; a single one may be named otherwise here.

    Raises UploadMismatchError where they are not the files that it was opened for.
    """
    if path is None and len(files) == len(session.files) == 1:
        files = [replace(files[0], path=session.files[0].path)]
    found = {file.path: file.size_bytes for file in files}
    declared = {plan.path: plan.size_bytes for plan in session.files}
    for name in sorted(found.keys() | declared.keys()):
        if found.get(name) != declared.get(name):
            raise UploadMismatchError(
                f"the upload was opened for other files: {name} has {_size(declared.get(name))}"
                f" there, and {_size(found.get(name))} here"
            )
    return list(files)


async def take_over(
    session: UploadSession, files: Mapping[str, SourceFile], sha256: dict[str, str]
) -> OpenUpload:
    """Return the upload, once what storage has of it and what was declared prove to be ours.

    Digests that are found on the way are added to `sha256`. Raises UploadMismatchError, and
    UploadAbortedError for an upload that has ended.
    """
    if session.state in ("aborted", "expired"):
        raise UploadAbortedError(
            f"the upload is {session.state}", code=f"upload_{session.state}", status=409
        )
    digests = PartDigests()
    for plan in session.files if session.state == "open" else ():
        if plan.put is not None:
            await _require_declared_digest(plan, files[plan.path], sha256)
        elif plan.kind == "multipart" and not plan.uploaded:
            reason = await examine_ledger(plan, files, digests)
            if reason is not None:
                raise UploadMismatchError(reason)
    return OpenUpload(session, digests)


async def require_same_bytes(
    version: Version, upload: OpenUpload, files: Mapping[str, SourceFile], sha256: dict[str, str]
) -> None:
    """Raise UploadMismatchError where the version has other bytes: another program sent them."""
    reason = await differing(version, upload.session.files, files, upload.part_digests, sha256)
    if reason is not None:
        raise UploadMismatchError(reason)


async def _require_declared_digest(
    plan: FilePlan, file: SourceFile, sha256: dict[str, str]
) -> None:
    """Compare with the digest that the signed request is for, where one was declared."""
    signed = plan.put.headers.get(CHECKSUM_HEADER) if plan.put else None
    if signed is None:
        return
    if file.path not in sha256:
        sha256[file.path] = await hash_in_thread(file)
    if base64.b64encode(bytes.fromhex(sha256[file.path])).decode() != signed:
        raise UploadMismatchError(f"{plan.path} has other bytes than were declared")


def _size(size_bytes: int | None) -> str:
    return "no such file" if size_bytes is None else f"{size_bytes} bytes"
