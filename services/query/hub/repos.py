"""Models and their versions as repositories and their commits."""

from registry.schemas import Model, Version
from services.query.context import Context
from services.query.hub.answers import Ref, Refs, RepoInfo, Sibling, SiblingLfs
from services.query.hub.revisions import NO_READY_VERSION, find_revision
from services.query.versions import lookups
from shared.database.aliases import list_aliases
from shared.domain.access.decision import visible_names
from shared.domain.access.grants import Grant
from shared.domain.aliases import MAX_ALIASES
from shared.domain.errors import NotFound
from shared.domain.hub_files import hub_file
from shared.domain.hub_names import NEWEST, commit_of_version, repo_of_model

MOST_TAGS = 1000
"""Of so many versions, the newest, the labels are told."""
_REFS_BYTES = 4 * 1024 * 1024


async def describe(
    model: str, revision: str | None, context: Context, *, with_blobs: bool = False
) -> RepoInfo:
    """Return a model at a revision; None: at the newest, or without one where none is ready.

    Raises NotFound.
    """
    try:
        version = await find_revision(model, revision or NEWEST, context)
    except NotFound as error:
        if revision is not None or error.code != NO_READY_VERSION:
            raise
        version = None
    registered = await lookups.find_model(model, context)
    return info_of(registered, version, context, with_files=True, with_blobs=with_blobs)


def info_of(
    model: Model,
    version: Version | None,
    context: Context,
    *,
    with_files: bool,
    with_blobs: bool = False,
) -> RepoInfo:
    """Return what is told of a model, and of a version of it."""
    repo = repo_of_model(model.name) or model.name
    namespace, slash, _ = repo.partition("/")
    anybody = [Grant.parse(each) for each in context.settings.granted_to_anonymous]
    told = RepoInfo(
        id=repo,
        model_id=repo,
        author=namespace if slash else None,
        created_at=model.created_at,
        private=not visible_names(anybody).has(model.name),
        tags=[f"{name}:{value}" for name, value in model.tags.items()],
        siblings=[] if with_files else None,
    )
    if version is None:
        return told
    framework = [version.framework] if version.framework else []
    return told.model_copy(
        update={
            "sha": commit_of_version(version.id),
            "last_modified": version.ready_at or version.created_at,
            "tags": [*framework, *told.tags],
            "library_name": version.framework or None,
            "used_storage": version.size_bytes,
            "siblings": _siblings(version, with_blobs=with_blobs) if with_files else None,
        }
    )


async def list_refs(model: str, context: Context) -> Refs:
    """Return the names of a model's versions; raises NotFound."""
    registered = await lookups.find_model(model, context)
    versions, _ = await context.versions.summaries(
        model, before=None, limit=MOST_TAGS, max_bytes=_REFS_BYTES
    )
    aliases = await list_aliases(context.database, model, after=None, limit=MAX_ALIASES)
    named = {each.alias: each.version_id for each in aliases if each.alias != NEWEST}
    if registered.latest_number is not None:
        newest = await lookups.find_version(model, "latest", context)
        named = {NEWEST: newest.id, **named}
    labels = {each.label: each.id for each in versions if each.label and each.state == "ready"}
    return Refs(
        branches=[_ref("heads", name, version_id) for name, version_id in named.items()],
        tags=[_ref("tags", label, version_id) for label, version_id in labels.items()],
    )


def _siblings(version: Version, *, with_blobs: bool) -> list[Sibling]:
    if not with_blobs:
        return [Sibling(rfilename=each.path) for each in version.artifacts]
    found: list[Sibling] = []
    for file in map(hub_file, version.artifacts):
        lfs = None
        if file.sha256 is not None:
            lfs = SiblingLfs(
                sha256=file.sha256, size=file.size_bytes, pointer_size=file.pointer_bytes
            )
        found.append(
            Sibling(rfilename=file.path, size=file.size_bytes, blob_id=file.blob_id, lfs=lfs)
        )
    return found


def _ref(kind: str, name: str, version_id: str) -> Ref:
    return Ref(name=name, ref=f"refs/{kind}/{name}", target_commit=commit_of_version(version_id))
