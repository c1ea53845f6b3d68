"""Ingest over HTTP: each route parses, calls one use case, and answers."""

from contextlib import AbstractAsyncContextManager
from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from registry.schemas import (
    CompleteRequest,
    ReuseRequest,
    SignedParts,
    SignPartsRequest,
    UploadRequest,
    UploadSession,
)
from services.ingest.context import RequestContext
from services.ingest.idempotency import IdempotencyKey
from services.ingest.lineage.requested import require_parents
from services.ingest.uploads import completion, opening, parts
from services.ingest.uploads import reuse as reusing
from services.ingest.uploads.sessions import find_session
from services.ingest.uploads.views import session_view
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.access.decision import NameFilter
from shared.domain.records import VersionRecord
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/uploads", tags=["uploads"], responses=PROBLEMS, route_class=JsonRoute
)


UploadUser = Annotated[Caller, declares(Action.USE_UPLOAD)]


async def _used_upload(
    upload_id: str, caller: UploadUser, context: RequestContext
) -> VersionRecord:
    return await find_session(upload_id, caller, context)


UsedUpload = Annotated[VersionRecord, Depends(_used_upload)]
"""The version of the upload that the path names; the caller may use it."""


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    summary="Open an upload session",
    responses={200: {"model": UploadSession, "description": "The key had opened it before"}},
)
async def open_upload(
    request: UploadRequest,
    caller: Annotated[Caller, declares(Action.UPLOAD)],
    context: RequestContext,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    reuse: Annotated[
        bool,
        Query(description="Let files refer to bytes that are stored already"),
    ] = False,
) -> UploadSession:
    """Open a session, or answer the open one that this idempotency key opened before (200).

    With `reuse`, files whose SHA-256 is that of stored bytes which the caller may read are
    `uploaded` at once; of large ones without it, `is_size_known` says whether telling it may help.
    """
    caller.require(request.model)
    require_parents(request.lineage, caller)
    async with caller.audited(Change.OPEN_UPLOAD, request.model) as making:
        session, created = await opening.open_upload(
            request,
            idempotency_key,
            caller.principal.id,
            context,
            readable=caller.doing(Action.DOWNLOAD).names if reuse else NameFilter(),
            making_group=partial(_making_group, caller, request.model),
        )
        making.subject = f"version:{session.version_id}"
    if not created:
        response.status_code = HTTPStatus.OK
    return session


def _making_group(caller: Caller, model: str, bucket: str) -> AbstractAsyncContextManager[object]:
    """Let a caller make a storage group, who may by their grants on the model; it is audited."""
    maker, subject = caller.doing(Action.MAKE_STORAGE_GROUP), f"storage_group:{bucket}"
    maker.require(model, subject=subject)
    return maker.audited(Change.MAKE_STORAGE_GROUP, model, subject)


@router.get("/{upload_id}", summary="Read a session, with its parts as storage knows them")
async def read_upload(record: UsedUpload, context: RequestContext) -> UploadSession:
    """Answer the session, with fresh signed URLs for single PUTs that are still to be sent."""
    return await session_view(record, context)


@router.post("/{upload_id}/parts", summary="Sign some parts, for the first time or again")
async def sign_parts(
    record: UsedUpload, request: SignPartsRequest, context: RequestContext
) -> SignedParts:
    """Answer one signed PUT for each part."""
    return await parts.sign_parts(record, request, context)


@router.post("/{upload_id}/reuse", summary="Let files refer to bytes that are stored already")
async def reuse_stored(
    record: UsedUpload, request: ReuseRequest, caller: UploadUser, context: RequestContext
) -> UploadSession:
    """Answer the session: files of which the caller may read the same bytes are uploaded now."""
    readable = caller.doing(Action.DOWNLOAD).names
    async with caller.audited(Change.REUSE_BYTES, record.model, f"version:{record.id}"):
        return await reusing.reuse(record, request, readable, context)


@router.post("/{upload_id}/complete", summary="Say that every byte has been sent")
async def complete_upload(
    record: UsedUpload,
    caller: UploadUser,
    context: RequestContext,
    request: CompleteRequest | None = None,
) -> UploadSession:
    """Join the parts of every file; may be repeated."""
    async with caller.audited(Change.COMPLETE_UPLOAD, record.model, f"version:{record.id}"):
        return await completion.complete_upload(record, request or CompleteRequest(), context)


@router.delete("/{upload_id}", status_code=HTTPStatus.NO_CONTENT, summary="Abort a session")
async def abort_upload(record: UsedUpload, caller: UploadUser, context: RequestContext) -> None:
    """Reject the version, and have what was uploaded removed within seconds; may be repeated."""
    async with caller.audited(Change.ABORT_UPLOAD, record.model, f"version:{record.id}"):
        await completion.abort_upload(record, context)
