"""Looking at one object of a version without reading it whole: size, digest, container format."""

from registry.schemas import CompositeDigest, Reason
from services.indexer.context import Context
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.rules import Effective
from shared.domain.transitions import Verdict
from shared.domain.version_rules import against_format
from shared.formats.costs import TooCostly
from shared.runtime.logs import get_logger
from shared.storage.connection import StorageUnavailable
from shared.storage.objects import StoredObject
from shared.storage.ranges import ObjectRanges

log = get_logger(__name__)


async def inspect_object(
    version: VersionRecord,
    index: int,
    object_version: str | None,
    rules: Effective,
    context: Context,
) -> Verdict | None:
    """Judge an artifact by what storage attests and by its format; None where it is gone.

    `rules` are those that apply to its model.

    Others wait for it, so it reads at most 1 MiB. A verdict may leave the artifact pending, for a
    worker: where nobody attested the object, since it must be read whole; where its header is
    large, with all that storage attests of it; and where storage fails to give its header while it
    answers otherwise, since its event would come again for ever, and work is counted. Raises the
    storage errors.
    """
    artifact = version.artifacts[index]
    async with context.storage_slots:
        found = await context.storage.objects.head(
            version.storage_group, artifact.key, object_version
        )
        if found is None:
            return None
        attested = compare(artifact, found)
        if isinstance(attested, Reason):
            return Verdict(version.id, index, artifact, attested)
        if attested.state == "pending" or version.source == "object":
            # Whether what nobody declared lacks what rules require is asked by a worker as well.
            return Verdict(version.id, index, attested.model_copy(update={"state": "pending"}))
        try:
            return await validate(version, index, attested, rules, context)
        except TooCostly as costly:
            log.info("format is checked by a worker", key=artifact.key, detail=str(costly))
            return Verdict(version.id, index, attested.model_copy(update={"state": "pending"}))
        except StorageUnavailable as error:
            # Raises where storage is away; where it answers, only this object cannot be read.
            await context.storage.buckets.exists(version.storage_group)
            log.warning("object cannot be read", key=artifact.key, detail=str(error))
            pinned = {"etag": found.etag, "object_version": found.object_version}
            return Verdict(version.id, index, artifact.model_copy(update=pinned))


def compare(artifact: ArtifactRecord, found: StoredObject) -> ArtifactRecord | Reason:
    """Compare what was declared with what storage attests, without any I/O.

    The artifact comes back verified, or still pending when only a full read can tell.
    """
    path = artifact.path
    if found.size_bytes != artifact.size_bytes:
        detail = f"storage has {found.size_bytes} bytes, {artifact.size_bytes} were declared"
        return Reason(code="size_mismatch", detail=detail, path=path)
    expected = artifact.expected_sha256
    if expected and found.sha256 and found.sha256 != expected:
        detail = f"storage attests SHA-256 {found.sha256}, {expected} was declared"
        return Reason(code="digest_mismatch", detail=detail, path=path)
    pinned = {"etag": found.etag, "object_version": found.object_version}
    if found.sha256:
        digest = {"sha256": found.sha256, "sha256_state": "verified"}
        return artifact.model_copy(update={**pinned, **digest, "state": "verified"})
    if found.composite and artifact.kind == "multipart" and artifact.part_size_bytes:
        digest = {
            "composite": CompositeDigest(
                value=found.composite,
                part_size_bytes=artifact.part_size_bytes,
                part_count=artifact.part_count or 0,
            )
        }
        if artifact.claimed_sha256:
            digest |= {"sha256": artifact.claimed_sha256, "sha256_state": "claimed"}
        return artifact.model_copy(update={**pinned, **digest, "state": "verified"})
    return artifact.model_copy(update=pinned)


async def validate(
    version: VersionRecord,
    index: int,
    artifact: ArtifactRecord,
    rules: Effective,
    context: Context,
    token: str | None = None,
) -> Verdict:
    """Add what the validations find to an artifact of attested bytes, or the reason against it.

    What they find must be allowed by the rules that apply to its model.

    Without a token others wait for it: raises TooCostly where one needs more than a moment.
    """
    ranges = ObjectRanges(
        context.storage.objects,
        version.storage_group,
        artifact.stored_key,
        artifact.object_version,
        artifact.size_bytes,
    )
    for validation in context.validations:
        found = await validation.check(artifact.path, ranges, at_leisure=token is not None)
        if isinstance(found, Reason):
            return Verdict(version.id, index, artifact, found, token)
        artifact = artifact.model_copy(update=found)
    return Verdict(version.id, index, artifact, against_format(rules, version, artifact), token)
