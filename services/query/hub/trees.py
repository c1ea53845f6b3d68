"""Folders of a version, and its files by their paths."""

from collections.abc import Iterable, Sequence

from registry.schemas import Artifact, Version
from services.query.context import Context
from services.query.hub.answers import LastCommit, RowLfs, TreeRow
from services.query.hub.revisions import NO_READY_VERSION, find_revision
from shared.domain.errors import NotFound
from shared.domain.hub_files import TreeEntry, derived_id, hub_file, tree_of
from shared.domain.hub_names import commit_of_version
from shared.web.cursors import decode_numbers, encode_numbers

MOST_ROWS = 1000
"""Rows of one page."""


async def list_folder(
    model: str,
    revision: str,
    folder: str,
    context: Context,
    *,
    is_recursive: bool,
    with_commits: bool,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[TreeRow], str | None]:
    """Return a page of what lies in a folder of a version, and the cursor of the next page.

    Of a model without a ready version it is empty at the newest. Raises NotFound, InvalidRequest
    for a cursor that no page gave.
    """
    try:
        version = await find_revision(model, revision, context)
    except NotFound as error:
        if error.code != NO_READY_VERSION or folder:
            raise
        return [], None
    paths = [each.path for each in version.artifacts]
    entries = tree_of(paths, folder, is_recursive=is_recursive)
    if folder and not entries:
        raise _no_entry(version, folder)
    first = decode_numbers(cursor, 1)[0] if cursor else 0
    rows = _rows(version, entries[first : first + limit], with_commits=with_commits)
    has_more = first + limit < len(entries)
    return rows, encode_numbers(first + limit) if has_more else None


async def find_paths(
    model: str, revision: str, paths: Iterable[str], context: Context, *, with_commits: bool
) -> list[TreeRow]:
    """Return the files and folders that there are of these paths; raises NotFound."""
    version = await find_revision(model, revision, context)
    everything = tree_of((each.path for each in version.artifacts), "", is_recursive=True)
    known = {each.path: each for each in everything}
    asked = dict.fromkeys(path.strip("/") for path in paths)
    entries = [known[path] for path in asked if path in known]
    return _rows(version, entries, with_commits=with_commits)


async def find_file(
    model: str, revision: str, path: str, context: Context
) -> tuple[Version, Artifact]:
    """Return a file of a version; raises NotFound."""
    try:
        version = await find_revision(model, revision, context)
    except NotFound as error:
        if error.code != NO_READY_VERSION:
            raise
        raise NotFound("file_not_found", f"{error.detail}, so it has no file {path!r}") from None
    for artifact in version.artifacts:
        if artifact.path == path:
            return version, artifact
    raise _no_entry(version, path)


def _no_entry(version: Version, path: str) -> NotFound:
    detail = f"version {version.number} of model {version.model!r} has no file {path!r}"
    return NotFound("file_not_found", detail, commit=commit_of_version(version.id))


def _rows(version: Version, entries: Sequence[TreeEntry], *, with_commits: bool) -> list[TreeRow]:
    commit = commit_of_version(version.id)
    last_commit = None
    if with_commits:
        title = version.description.partition("\n")[0] or f"version {version.number}"
        date = version.ready_at or version.created_at
        last_commit = LastCommit(id=commit, title=title, date=date)
    artifacts = {each.path: each for each in version.artifacts}
    return [
        _file_row(artifacts[each.path], last_commit)
        if each.kind == "file"
        else TreeRow(
            type="directory",
            path=each.path,
            size=0,
            oid=derived_id(commit, each.path),
            last_commit=last_commit,
        )
        for each in entries
    ]


def _file_row(artifact: Artifact, last_commit: LastCommit | None) -> TreeRow:
    file = hub_file(artifact)
    lfs = None
    if file.sha256 is not None:
        lfs = RowLfs(oid=file.sha256, size=file.size_bytes, pointer_size=file.pointer_bytes)
    return TreeRow(
        type="file",
        path=file.path,
        size=file.size_bytes,
        oid=file.blob_id,
        lfs=lfs,
        last_commit=last_commit,
    )
