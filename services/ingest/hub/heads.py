"""Where a branch is: the version whose files the next commit on it begins with."""

import asyncio
from dataclasses import dataclass
from time import monotonic

from services.ingest.context import Context
from shared.database.aliases import find_alias
from shared.database.commits import commits_above, read_line
from shared.domain.aliases import alias_not_found
from shared.domain.commits import MAIN
from shared.domain.records import VersionRecord
from shared.domain.sessions import OPEN_VERSION

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Head:
    """A branch as it was at a moment."""

    branch: str
    version: VersionRecord | None
    """None: nothing was committed yet."""
    highest: int
    """The highest number of the model then: a commit counts only where it still is."""
    revision: int | None = None
    """The move of the alias that stands for the branch; None where it is not there, and of main."""
    points_at: str | None = None
    """Id of the version that the alias points at."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing has to be waited for."""
        return self.version is None or self.version.state not in OPEN_VERSION


async def find_head(model: str, branch: str, context: Context) -> Head:
    """Return where a branch is; raises NotFound "alias_not_found" for one that is not there.

    Of a model that has no version yet, each branch is there, and empty.
    """
    line = await read_line(context.database, model)
    if branch == MAIN:
        version = await _head_of_main(model, line.latest, context)
        return Head(branch, version, line.highest)
    alias = await find_alias(context.database, model, branch)
    if alias is None or alias.to_number is None:
        began = await commits_above(context.database, model, 0, branch)
        revision = alias.revision if alias is not None else None
        version = _follow(None, revision, began)
        if version is None and line.latest is not None:
            raise alias_not_found(model, branch)
        return Head(branch, version, line.highest, revision)
    pointed_at = await context.versions.get(alias.version_id)
    made = await commits_above(context.database, model, alias.to_number, branch)
    version = _follow(pointed_at, alias.revision, made)
    return Head(branch, version, line.highest, alias.revision, alias.version_id)


async def settled(version: VersionRecord, seconds: float, context: Context) -> VersionRecord:
    """Return the version once it is settled, or as it is after this time.

    Where too many wait already it is returned as it is: who waits is a request under way, of which
    all that ask have so many together.
    """
    if context.waits.locked():
        return version
    async with context.waits:
        deadline, pause = monotonic() + seconds, _FIRST_PAUSE_SECONDS
        while version.state in OPEN_VERSION and monotonic() < deadline:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            version = await context.versions.get(version.id) or version
        return version


async def _head_of_main(model: str, latest: int | None, context: Context) -> VersionRecord | None:
    """Return the newest version that is ready, or the commit after it that is being verified.

    Or has become ready since `latest` was read: it is the branch's last one all the same.
    """
    after = [
        each
        for each in await commits_above(context.database, model, latest or 0, MAIN)
        if each.archived_at is None
    ]
    if after:
        return after[-1]
    if latest is None:
        return None
    page = await context.versions.records_below(model, before=latest + 1, limit=1)
    return page[0] if page else None


def _follow(
    version: VersionRecord | None, revision: int | None, made: list[VersionRecord]
) -> VersionRecord | None:
    """Return the last of the commits that follow each other from a version on.

    Of those that were made since the alias was moved: who moved it later said where it is.
    """
    for each in made:
        commit = each.session.commit if each.session is not None else None
        at = version.id if version is not None else None
        if commit and commit.parent_id == at and _is_since(commit.branch_revision, revision):
            version = each
    return version


def _is_since(was: int | None, now: int | None) -> bool:
    """Whether a commit was made when the alias was where it is.

    Or one move earlier, where the commit before it was ready, and the alias not moved there yet.
    """
    return was == now or (was or 0) + 1 == now
