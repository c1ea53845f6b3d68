"""Opens an upload, or finds the one that an earlier run of the same call left behind."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from registry._api import Api
from registry.errors import ConflictError, UploadMismatchError
from registry.schemas import SETTLED, FilePlan, UploadRequest, UploadSession, Version
from registry.transfer.upload.hashing import PartDigests, hash_in_thread, hash_parts
from registry.transfer.upload.plan import composite_of, derive_key, ledger_conflict, split
from registry.transfer.upload.sources import SourceFile

Settle = Callable[[UploadSession], Awaitable[Version]]
"""Waits until the version of a completed upload is no longer being verified."""

MAX_UPLOADS_OF_ONE_REQUEST = 100
"""Different contents under an equal request that are told apart before the client gives up."""


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that is ours, whether new or found."""

    session: UploadSession
    part_digests: PartDigests = field(default_factory=PartDigests)
    """Digests of parts that were hashed already, to see whether a found upload is ours."""


async def open_or_resume(
    api: Api,
    request: UploadRequest,
    files: Mapping[str, SourceFile],
    *,
    idempotency_key: str | None,
    settle: Settle,
) -> OpenUpload:
    """Open an upload, or return the one of an earlier run once its bytes prove to be ours.

    Raises UploadMismatchError where a key that the caller chose belongs to something else.
    """
    for counter in range(MAX_UPLOADS_OF_ONE_REQUEST):
        key = idempotency_key or derive_key(request, counter)
        session, is_new = await api.open_upload(request, key, reuse=True)
        if is_new:
            return OpenUpload(session)
        found = await _examine(session, files, settle)
        if isinstance(found, OpenUpload):
            return found
        if idempotency_key is not None:
            raise UploadMismatchError(f"idempotency key {idempotency_key!r}: {found}")
    raise ConflictError(
        "too many different uploads of an equal request", code="upload_mismatch", status=409
    )


async def _examine(
    session: UploadSession, files: Mapping[str, SourceFile], settle: Settle
) -> OpenUpload | str:
    """Return the upload if what was sent of it is ours, or else say why it cannot be used."""
    if session.state in ("aborted", "expired"):
        return f"its upload is {session.state}"
    if session.version_state == "deleted":
        return "its version was deleted"
    if {plan.path: plan.size_bytes for plan in session.files} != {
        path: file.size_bytes for path, file in files.items()
    }:
        return "its upload has other files"
    if session.state == "completed":
        return await _examine_completed(session, files, settle)
    digests = PartDigests()
    # A single PUT needs no look: its digest is part of the request, which is equal.
    for plan in session.files:
        if plan.kind == "multipart" and (reason := await examine_ledger(plan, files, digests)):
            return reason
    return OpenUpload(session, digests)


async def examine_ledger(
    plan: FilePlan, files: Mapping[str, SourceFile], digests: PartDigests
) -> str | None:
    """Return why the parts that storage has of a file are not ours, or None.

    Digests of parts are added to `digests`.
    """
    if plan.uploaded:
        return f"{plan.path} cannot be compared before its upload is completed"
    stored, parts = {part.number for part in plan.parts}, split(plan)
    known = digests.setdefault(plan.path, {})
    await hash_parts(files[plan.path], [p for p in parts if p.number in stored], known)
    conflict = ledger_conflict(plan.parts, parts, known)
    return f"part {conflict} of {plan.path} has other bytes" if conflict else None


async def _examine_completed(
    session: UploadSession, files: Mapping[str, SourceFile], settle: Settle
) -> OpenUpload | str:
    large = [plan for plan in session.files if plan.kind == "multipart"]
    if not large:  # the digests of the others are part of the request, which is equal
        return OpenUpload(session)
    version = await settle(session)
    reason = await differing(version, large, files, PartDigests(), {})
    return reason or OpenUpload(session)


async def differing(
    version: Version,
    plans: Sequence[FilePlan],
    files: Mapping[str, SourceFile],
    digests: PartDigests,
    sha256: Mapping[str, str],
) -> str | None:
    """Return why some of a version's files are not these, or None.

    `digests` and `sha256` are those that are known of the files already. What a version that is
    still being verified does not tell yet is not compared.
    """
    artifacts = {artifact.path: artifact for artifact in version.artifacts}
    for plan in plans:
        file, artifact = files[plan.path], artifacts.get(plan.path)
        if artifact is None:
            same = False
        elif artifact.composite is not None:
            known = digests.setdefault(plan.path, {})
            await hash_parts(file, split(plan), known)
            same = composite_of(known) == artifact.composite.value
        elif artifact.sha256 is None:
            same = version.state not in SETTLED
        else:
            same = artifact.sha256 == (sha256.get(plan.path) or await hash_in_thread(file))
        if not same:
            return f"{plan.path} has other bytes than version {version.number}"
    return None
