"""A commit makes one version: the files of the one before, with what is added and deleted.

It counts once the version is opened. Then it waits for some time until the version is ready, since
who made it downloads it next; whatever ends that, the version becomes ready all the same.
"""

from time import monotonic

from registry.schemas import AliasRequest, Reason
from services.ingest.aliases import aliases
from services.ingest.aliases.aliases import Named, is_maintainer
from services.ingest.context import Context
from services.ingest.hub.drafts import Asked, changed_files, open_commit
from services.ingest.hub.heads import Head, find_head, settled
from services.ingest.uploads.completion import join_parts
from shared.database.aliases import find_alias
from shared.database.commits import HeadMoved
from shared.database.lifecycle import reject, settle_whole
from shared.database.references import BlobGone
from shared.database.rules import read_effective
from shared.database.staged import StagedGone
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.aliases import Condition
from shared.domain.commits import MAIN, Commit
from shared.domain.errors import Conflict, PreconditionFailed, Unavailable
from shared.domain.hub_names import commit_of_version
from shared.domain.records import VersionRecord
from shared.domain.rules import require_mover
from shared.domain.sessions import OPEN_VERSION, is_joining
from shared.runtime.logs import get_logger
from shared.storage.groups import unknown_group
from shared.storage.manifests import keep_manifest

BEFORE_SECONDS = 20.0
"""How long a commit waits for the one before it, whose files it is to have."""
READY_SECONDS = 20.0
"""How long it waits until its version is ready; query waits 60 s for all of it."""
_TRIES = 20
"""Looks at where the branch is: each that is in vain, another version came first."""
_MOVES = 5
"""Tries at moving the alias that stands for a branch."""
_MOST_REASONS = 20

log = get_logger(__name__)


async def make_commit(asked: Asked, context: Context) -> VersionRecord:
    """Return the version that a commit made; it may still be being verified.

    A commit that is sent again finds the version that it made, and one that changes nothing the
    version that is there. Raises NotFound for the branch, PreconditionFailed "parent_moved",
    Conflict "version_rejected" and what opening a version raises; Unavailable "commit_under_way"
    where the one before takes too long.
    """
    if asked.branch != MAIN:
        await _require_mover(asked, context)
    async with asked.caller.audited(Change.COMMIT, asked.model) as making:
        head, version, is_new = await _version(asked, context)
        making.subject = f"version:{version.id}"
        if is_new:
            log.info(
                "version committed",
                model=version.model,
                version=version.number,
                version_id=version.id,
                branch=asked.branch,
                files=len(version.artifacts),
            )
        return await _finish(asked, head, version, context)


async def _version(asked: Asked, context: Context) -> tuple[Head, VersionRecord, bool]:
    """Return where the branch was, the version that the commit makes, and whether it is new."""
    deadline = monotonic() + BEFORE_SECONDS
    for _ in range(_TRIES):
        head = await find_head(asked.model, asked.branch, context)
        if head.version is not None:
            if _made(head.version, asked):
                return head, head.version, False
            if not head.is_settled:
                before = await settled(head.version, deadline - monotonic(), context)
                if before.state in OPEN_VERSION:
                    detail = f"version {before.number} is being verified; commit again after it"
                    raise Unavailable("commit_under_way", detail)
                # A wait is longer than a credential may count on once it is revoked.
                await asked.caller.confirm(asked.model)
                continue
        _require_parent(head, asked.commit)
        files = changed_files(head, asked.commit)
        if files is None and head.version is not None:
            return head, head.version, False
        try:
            return head, await open_commit(asked, head, files or {}, context), True
        except (HeadMoved, BlobGone):
            continue  # another version was opened, or bytes were removed, at this moment
        except StagedGone:
            detail = "bytes of this commit were committed, or are over: upload them again"
            raise Conflict("bytes_missing", detail) from None
    raise Unavailable("commits_contended", "others commit at the same time; try again")


async def _finish(
    asked: Asked, head: Head, version: VersionRecord, context: Context
) -> VersionRecord:
    """Join the bytes of a version, wait until it is ready, and let its branch be there."""
    if version.state in OPEN_VERSION:
        if not await context.groups.has(version.storage_group):
            # An operator removes the group at this moment: either they see the version, or we that.
            refused = unknown_group(version.storage_group)
            rejected = await reject(context.database, version.id, _group_gone())
            if rejected is not None:
                context.counts.version_settled(rejected)
            raise refused
        await keep_manifest(version, context.storage, context.settings)
        if is_joining(version):
            await join_parts(version, context)
        version = await settle_whole(context.database, version, context.counts.version_settled)
        version = await settled(version, READY_SECONDS, context)
    if version.state == "rejected":
        reasons = version.reasons[:_MOST_REASONS]
        detail = "; ".join(f"{each.path or 'it'}: {each.detail}" for each in reasons)
        raise Conflict("version_rejected", f"version {version.number} is rejected: {detail}")
    if asked.branch != MAIN and version.state == "ready":
        await asked.caller.confirm(asked.model)
        await _move_branch(asked, head, version, context)
    return version


async def _move_branch(asked: Asked, head: Head, version: VersionRecord, context: Context) -> None:
    """Let the alias that stands for the branch point at the version, unless it was moved elsewhere.

    Whoever committed before may move it to what this commit began with at the same moment.
    """
    commit = version.session.commit if version.session is not None else None
    follows = {head.points_at, commit.parent_id if commit is not None else None}
    for _ in range(_MOVES):
        now = await find_alias(context.database, asked.model, asked.branch)
        is_there = now is not None and now.to_number is not None
        points_at = now.version_id if now is not None and is_there else None
        if points_at == version.id:
            return
        if points_at not in follows:
            break
        revision = now.revision if now is not None and is_there else None
        condition = Condition(revision=revision, is_absent=not is_there)
        caller = asked.caller.doing(Action.MOVE_ALIAS)
        named = Named(asked.model, asked.branch, caller, condition)
        request = AliasRequest(version=version.number, reason=asked.commit.summary)
        try:
            await aliases.set_alias(named, request, context)
        except PreconditionFailed:
            continue
        return
    log.warning("branch is elsewhere", model=asked.model, branch=asked.branch)


async def _require_mover(asked: Asked, context: Context) -> None:
    """Raise what refuses the caller to move the alias that stands for the branch."""
    caller = asked.caller.doing(Action.MOVE_ALIAS)
    caller.require(asked.model, alias=asked.branch)
    named = Named(asked.model, asked.branch, caller, Condition())
    applied = await read_effective(context.database, asked.model)
    require_mover(applied, asked.model, asked.branch, is_maintainer=is_maintainer(named))


def _made(version: VersionRecord, asked: Asked) -> bool:
    """Whether this commit made the version, when it was sent before."""
    session = version.session
    if session is None or session.commit is None:
        return False
    return session.owner == asked.owner and session.request_digest == asked.commit.digest


def _require_parent(head: Head, commit: Commit) -> None:
    if commit.parent is None:
        return
    at = commit_of_version(head.version.id) if head.version is not None else None
    if commit.parent != at:
        where = f"is at {at}" if at is not None else "has no commit yet"
        detail = f"branch {head.branch!r} {where}, not at the parent {commit.parent}"
        raise PreconditionFailed("parent_moved", detail)


def _group_gone() -> Reason:
    return Reason(code="upload_aborted", detail="the storage group was removed")
