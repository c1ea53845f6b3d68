"""A commit's version before it is opened, and its opening: one transaction with what it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from registry.schemas import UploadRequest
from services.ingest.context import Context
from services.ingest.hub.contents import Contents, Files, Whose, gather
from services.ingest.hub.heads import Head
from services.ingest.uploads.reuse import copy_part_digests
from shared.database.blobs import Blob
from shared.database.collection import Transaction
from shared.database.commits import HeadMoved, require_highest
from shared.database.opening import Wish, open_versions
from shared.database.part_digests import forget_part_digests
from shared.database.references import BlobGone
from shared.database.rules import read_effective
from shared.database.sessions import JOIN_GRACE
from shared.database.staged import StagedGone, take_staged
from shared.domain.access.actions import Action
from shared.domain.commits import Added, Commit, files_after
from shared.domain.errors import Conflict, InvalidRequest, RuleBroken
from shared.domain.records import CommitRecord, SessionRecord, VersionRecord, WorkRecord, new_id
from shared.domain.rules import Effective
from shared.domain.version_rules import against_format, require_allowed
from shared.web.access.caller import Caller


@dataclass(frozen=True, slots=True)
class Asked:
    """A commit, and who asks for it."""

    model: str
    branch: str
    commit: Commit
    caller: Caller

    @property
    def owner(self) -> str:
        """Id of the principal."""
        return self.caller.principal.id


def changed_files(head: Head, commit: Commit) -> Files | None:
    """Return the files of the version that a commit makes; None where it changes nothing.

    What is added as it is there already stays the file that it is. Raises NotFound for a deletion
    of what is not there.
    """
    version = head.version
    artifacts = version.artifacts if version is not None else []
    before = {
        each.path: Blob(version.id if version is not None else "", index, each)
        for index, each in enumerate(artifacts)
    }
    after: dict[str, Blob | Added] = {}
    for path, file in files_after(before, commit.operations).items():
        was = before.get(path)
        is_same = isinstance(file, Added) and was is not None and _has(was, file.sha256)
        after[path] = was if is_same and was is not None else file
    return None if version is not None and after == before else after


async def open_commit(asked: Asked, head: Head, files: Files, context: Context) -> VersionRecord:
    """Open the version, as the next one of the model.

    Raises InvalidRequest and RuleBroken for what no version can be, Conflict "bytes_missing",
    HeadMoved, BlobGone and StagedGone where another came first.
    """
    request = _request(asked, head, files)
    rules = await read_effective(context.database, asked.model)
    require_allowed(rules, request)
    group = head.version.storage_group if head.version is not None else None
    whose = Whose(
        asked.model,
        await context.groups.resolve(group),
        asked.owner,
        asked.caller.doing(Action.DOWNLOAD).names,
        await context.database.now(),
    )
    contents = await gather(files, whose, context)
    draft = _draft(asked, head, request, whose, contents, context)
    _require_formats(rules, draft)
    await copy_part_digests(draft.id, contents.shared, context)
    try:
        return await _open(draft, head, contents, context)
    except (Conflict, BlobGone, HeadMoved, StagedGone):  # it was not opened, for certain
        await forget_part_digests(context.database, draft.id, len(draft.artifacts))
        raise


async def _open(
    draft: VersionRecord, head: Head, contents: Contents, context: Context
) -> VersionRecord:
    database = context.database

    async def hold(_: Sequence[Wish], transaction: Transaction) -> None:
        await require_highest(database, draft.model, head.highest, transaction)
        await take_staged(database, contents.staged, transaction)

    [opened] = await open_versions(database, [Wish(draft)], hold=hold)
    if isinstance(opened, Conflict):
        raise opened
    return opened


def _has(blob: Blob, sha256: str) -> bool:
    return blob.artifact.sha256_state == "verified" and blob.artifact.sha256 == sha256


def _request(asked: Asked, head: Head, files: Files) -> UploadRequest:
    """Return what an upload of these files would ask for: the same is asked of both."""
    sizes = {
        path: each.artifact.size_bytes if isinstance(each, Blob) else each.size_bytes
        for path, each in files.items()
    }
    if not sizes:
        raise InvalidRequest("body", "must leave a file: no version is empty")
    told = [asked.commit.summary, asked.commit.description]
    fields: Mapping[str, object] = {
        "model": asked.model,
        # One whose size nobody said has bytes that are there.
        "files": [
            {"path": path, "size_bytes": 1 if size is None else size}
            for path, size in sizes.items()
        ],
        "description": "\n\n".join(each for each in told if each),
        "framework": head.version.framework if head.version is not None else "",
    }
    try:
        return UploadRequest.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        rule = first["msg"].removeprefix("Value error, ")
        match first["loc"]:
            case ("files", int(index), str(name), *_):
                raise InvalidRequest(f"{list(sizes)[index]!r}: {name}", rule) from None
            case place:
                raise InvalidRequest(".".join(map(str, place)) or "files", rule) from None


def _draft(
    asked: Asked,
    head: Head,
    request: UploadRequest,
    whose: Whose,
    contents: Contents,
    context: Context,
) -> VersionRecord:
    ttl = timedelta(seconds=context.settings.upload_session_ttl_seconds)
    parent = head.version
    session = SessionRecord(
        # Its bytes are there: nothing is sent any more, and nothing can be aborted.
        state="completed",
        expires_at=whose.now + ttl,
        request_digest=asked.commit.digest,
        owner=whose.owner,
        secret=new_id(),
        commit=CommitRecord(
            branch=asked.branch,
            parent_id=parent.id if parent is not None else None,
            branch_revision=head.revision,
        ),
    )
    draft = VersionRecord(
        id=new_id(),
        model=asked.model,
        number=0,
        source="upload",
        storage_group=whose.bucket,
        artifacts=contents.artifacts,
        description=request.description,
        framework=request.framework,
        size_bytes=sum(each.size_bytes for each in contents.artifacts),
        created_at=whose.now,
        session=session,
    )
    if not contents.staged and any(each.state == "pending" for each in contents.artifacts):
        verify = WorkRecord(kind="verify", due_at=whose.now)
        return draft.model_copy(update={"state": "verifying", "work": verify})
    # From here on it becomes ready by whomever: a worker joins its parts, if there are any, where
    # this process ends before it has.
    join = WorkRecord(kind="join", due_at=whose.now + JOIN_GRACE)
    return draft.model_copy(update={"work": join})


def _require_formats(rules: Effective, draft: VersionRecord) -> None:
    """Raise RuleBroken where a file whose format is known may not be one of the model's."""
    reasons = [
        reason
        for each in draft.artifacts
        if each.state == "verified" and (reason := against_format(rules, draft, each)) is not None
    ]
    if reasons:
        errors = [{"field": each.path or "files", "rule": each.detail} for each in reasons]
        raise RuleBroken(errors, ["allowed_formats"])
