"""What a pull asks for: manifests, blobs and tags."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from registry.schemas import Artifact, Version
from services.query.context import Context
from services.query.oci.errors import BLOB_UNKNOWN, DIGEST_INVALID, TAG_INVALID
from services.query.versions import lookups
from shared.database.aliases import list_aliases
from shared.database.naming import names_meant
from shared.domain.aliases import MAX_ALIASES
from shared.domain.errors import InvalidRequest, NotFound, version_not_found
from shared.domain.oci_manifests import MANIFEST_TYPE, Content
from shared.domain.oci_names import is_digest, is_tag

MOST_TAGGED = 1000
"""Of so many versions, the newest, the tags are listed."""
_TAGS_BYTES = 4 * 1024 * 1024
_ALGORITHM = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:")


async def find_manifest(model: str, reference: str, context: Context) -> Content:
    """Return the manifest of a ready version by its tag or digest.

    Raises NotFound, InvalidRequest for what is neither, and Unavailable where not every SHA-256 of
    the version is confirmed yet.
    """
    if _ALGORITHM.match(reference):
        _require_digest(reference)
        found = await context.packages.find(model, reference, context.versions)
        if found is None or found.media_type != MANIFEST_TYPE:
            await lookups.find_model(model, context)
            raise version_not_found(model, reference)
        return found
    if not is_tag(reference):
        rule = "must be a digest or a tag: at most 128 of letters, digits and . _ -"
        raise InvalidRequest("reference", rule, TAG_INVALID)
    names = await names_meant(context.database, model, reference)
    version = await lookups.find_ready(model, names, context)
    return (await context.packages.of(version)).manifest


async def find_blob(
    model: str, digest: str, context: Context
) -> tuple[Version, Artifact] | Content:
    """Return a file of some ready version of the model by its digest, or a config.

    Raises NotFound, and InvalidRequest for another kind of digest.
    """
    _require_digest(digest)
    sha256 = digest.partition(":")[2]
    version = await context.versions.by_digest(model, sha256)
    if version is not None:
        for artifact in version.artifacts:
            if artifact.sha256 == sha256 and artifact.sha256_state == "verified":
                return version, artifact
    found = await context.packages.find(model, digest, context.versions)
    if found is None or found.media_type == MANIFEST_TYPE:
        await lookups.find_model(model, context)
        raise NotFound(BLOB_UNKNOWN, f"no ready version of model {model!r} has the blob {digest}")
    return found


async def list_tags(
    model: str, context: Context, *, after: str | None, limit: int | None
) -> tuple[Sequence[str], bool]:
    """Return tags of a model in their order, those behind `after`, and whether more follow.

    Raises NotFound.
    """
    await lookups.find_model(model, context)
    versions, _ = await context.versions.summaries(
        model, before=None, limit=MOST_TAGGED, max_bytes=_TAGS_BYTES
    )
    ready = [each for each in versions if each.state == "ready"]
    tags = {str(each.number) for each in ready} | {each.label for each in ready if each.label}
    aliases = await list_aliases(context.database, model, after=None, limit=MAX_ALIASES)
    tags |= {each.alias for each in aliases}
    if any(each.archived_at is None for each in ready):
        tags.add("latest")
    ordered = sorted(filter(is_tag, tags))
    first = bisect_right(ordered, after) if after is not None else 0
    end = len(ordered) if limit is None else first + limit
    return ordered[first:end], end < len(ordered)


def _require_digest(text: str) -> None:
    if not is_digest(text):
        rule = "must be sha256: and 64 lower-case hex digits: no other kind is kept"
        raise InvalidRequest("digest", rule, DIGEST_INVALID)
