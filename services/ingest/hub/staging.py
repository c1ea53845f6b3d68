"""Bytes are announced, and sent in parts to a multipart upload that a commit joins.

A part's URL writes no object: once the parts are joined it is worth nothing, so that nobody can
change what is verified.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from services.ingest.context import Context
from services.ingest.hub.bodies import LfsActions, LfsAnswer, LfsBatchRequest, LfsObject, LfsUpload
from services.ingest.hub.heads import find_head
from shared.database.blobs import find_digests
from shared.database.staged import find_staged, keep_staged, mark_sent, open_staged, sent_by
from shared.domain.access.actions import Action
from shared.domain.access.tokens import is_equal
from shared.domain.commits import MAIN
from shared.domain.errors import Conflict, InvalidRequest, NotFound
from shared.domain.records import new_id
from shared.domain.staging import StagedRecord, part_length, staged_key, staged_part_bytes
from shared.runtime.logs import get_logger
from shared.runtime.tasks import run_all
from shared.storage.cleaning import AT_ONCE
from shared.storage.connection import StorageMissing
from shared.web.access.caller import Caller

COMPLETION = "/v1/hub/staged/{staged_id}/complete"
LONGEST_URL_SECONDS = 7 * 24 * 3600
"""What a signed URL can live."""
_HEADROOM = timedelta(minutes=10)
"""Bytes that were sent before count for a commit that is about to be made for so long."""

log = get_logger(__name__)


async def announce_bytes(
    model: str, request: LfsBatchRequest, caller: Caller, context: Context
) -> list[LfsAnswer]:
    """Return for each object where its parts are to be sent; nothing where its bytes are there.

    They are there where the caller has sent them already and not committed yet, and where a
    version has them that the caller may read. Raises InvalidRequest.
    """
    bucket = await _bucket_of(model, context)
    wanted = {each.oid: each for each in request.objects}
    now = await context.database.now()
    readable = caller.doing(Action.DOWNLOAD).names
    sizes = {each.oid: each.size for each in wanted.values()}
    stored = await find_digests(context.database, bucket, sizes, readable)
    sent = await sent_by(
        context.database,
        model,
        caller.principal.id,
        bucket,
        wanted.keys() - stored.keys(),
        until=now + _HEADROOM,
    )
    there = stored.keys() | {
        digest for digest, each in sent.items() if each.size_bytes == sizes[digest]
    }
    lacking = [each for digest, each in wanted.items() if digest not in there]
    actions = await _announce(model, bucket, lacking, caller.principal.id, now, context)
    log.info("bytes announced", model=model, objects=len(wanted), stored=len(there))
    return [
        LfsAnswer(oid=each.oid, size=each.size, actions=actions.get(each.oid))
        for each in request.objects
    ]


async def tell_sent(staged_id: str, secret: str, context: Context) -> None:
    """Take note that every part was sent; may be repeated.

    Raises NotFound, where it was committed since as well, and Conflict "upload_incomplete".
    """
    record = await find_staged(context.database, staged_id)
    digest = _digest(secret)
    if record is None or not is_equal(record.secret_sha256, digest):
        raise NotFound("upload_not_found", "there is no such upload, or it is over")
    if record.state != "open":
        return
    try:
        parts = await context.storage.multipart.parts(
            record.bucket, record.key, record.multipart_id or ""
        )
    except StorageMissing:
        parts = []
    sizes = {part.number: part.size_bytes for part in parts}
    lacking = [
        number
        for number in range(1, record.part_count + 1)
        if sizes.get(number) != part_length(record, number)
    ]
    if lacking:
        detail = f"storage lacks {len(lacking)} of {record.part_count} parts, {lacking[0]} first"
        raise Conflict("upload_incomplete", detail)
    await mark_sent(context.database, [record.id])


async def stage_content(
    model: str, bucket: str, contents: Mapping[str, bytes], owner: str, context: Context
) -> dict[str, StagedRecord]:
    """Send small files that came with a commit, by their SHA-256, as their client would have."""
    objects = [LfsObject(oid=digest, size=len(body)) for digest, body in contents.items()]
    if not objects:
        return {}
    now = await context.database.now()
    records, _ = _records(model, bucket, objects, owner, now, context)
    opened = await _open(records, context)
    slots = asyncio.Semaphore(AT_ONCE)

    async def send(record: StagedRecord) -> None:
        async with slots:
            await context.storage.multipart.put_part(
                bucket, record.key, record.multipart_id or "", 1, contents[record.sha256]
            )

    await run_all(send(each) for each in opened)
    await mark_sent(context.database, [each.id for each in opened])
    return {each.sha256: each for each in opened}


async def _bucket_of(model: str, context: Context) -> str:
    """Return where a model's files lie: a version has all of its files in one bucket."""
    head = await find_head(model, MAIN, context)
    named = head.version.storage_group if head.version is not None else None
    return await context.groups.resolve(named)


async def _announce(
    model: str,
    bucket: str,
    objects: list[LfsObject],
    owner: str,
    now: datetime,
    context: Context,
) -> dict[str, LfsActions]:
    if not objects:
        return {}
    records, found_secrets = _records(model, bucket, objects, owner, now, context)
    opened = await _open(records, context)

    def sign() -> dict[str, LfsActions]:
        return {each.sha256: _actions(each, found_secrets[each.id], context) for each in opened}

    return await asyncio.to_thread(sign)  # up to MOST_URLS of them


def _records(
    model: str,
    bucket: str,
    objects: Iterable[LfsObject],
    owner: str,
    now: datetime,
    context: Context,
) -> tuple[list[StagedRecord], dict[str, str]]:
    """Return what is kept of objects that are to be sent, and the secret of each by its id."""
    listed, folder = list(objects), new_id()
    found_secrets: dict[str, str] = {}
    records: list[StagedRecord] = []
    for index, each in enumerate(listed):
        part_bytes = _part_bytes(index, each, len(listed), context)
        staged_id, secret = new_id(), secrets.token_urlsafe(32)
        found_secrets[staged_id] = secret
        records.append(
            StagedRecord(
                id=staged_id,
                model=model,
                bucket=bucket,
                key=staged_key(model, folder, each.oid),
                sha256=each.oid,
                size_bytes=each.size,
                part_size_bytes=part_bytes,
                part_count=-(-each.size // part_bytes),
                owner=owner,
                secret_sha256=_digest(secret),
                created_at=now,
                expires_at=now + timedelta(seconds=_life_seconds(context)),
            )
        )
    return records, found_secrets


def _part_bytes(index: int, of: LfsObject, files: int, context: Context) -> int:
    try:
        return staged_part_bytes(of.size, context.settings.upload_part_size_bytes, files)
    except ValueError as error:
        raise InvalidRequest(f"objects.{index}.size", str(error)) from None


async def _open(records: list[StagedRecord], context: Context) -> list[StagedRecord]:
    """Keep what is announced, and open a multipart upload for each: whatever ends this, they are
    found and dropped by what is kept."""
    await keep_staged(context.database, records)
    slots = asyncio.Semaphore(AT_ONCE)

    async def create(record: StagedRecord) -> StagedRecord:
        async with slots:
            multipart_id = await context.storage.multipart.create(
                record.bucket, record.key, attests=False
            )
            return record.model_copy(update={"multipart_id": multipart_id})

    opened = list(await run_all(create(each) for each in records))
    await open_staged(context.database, {each.id: each.multipart_id or "" for each in opened})
    return opened


def _actions(record: StagedRecord, secret: str, context: Context) -> LfsActions:
    header = {"chunk_size": str(record.part_size_bytes)}
    for number in range(1, record.part_count + 1):
        signed = context.storage.urls.part(
            record.bucket,
            record.key,
            multipart_id=record.multipart_id or "",
            number=number,
            size_bytes=part_length(record, number),
            sha256=None,
            ttl_seconds=min(LONGEST_URL_SECONDS, _life_seconds(context)),
        )
        header[f"{number:05}"] = signed.url
    path = COMPLETION.format(staged_id=record.id)
    href = f"{context.settings.ingest_url}{path}?secret={quote(secret)}"
    return LfsActions(upload=LfsUpload(href=href, header=header))


def _life_seconds(context: Context) -> int:
    return context.settings.upload_session_ttl_seconds


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
