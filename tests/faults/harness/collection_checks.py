"""The plain model of what is stored: a bucket holds what the records reach, and nothing else."""

from collections import Counter
from collections.abc import Iterable, Sequence

from shared.domain.records import VersionRecord
from tests.faults.harness.view import View


async def collection_violations(view: View) -> list[str]:
    """Return how the bucket differs from what the records reach, and counts that are wrong."""
    versions = await view.versions()
    listed: Counter[str] = Counter()
    manifests: set[str] = set()
    for bucket in (view.settings.minio_bucket, view.settings.manifest_bucket):
        async for page in view.storage.listing.versions(bucket, prefix=""):
            for found in page:
                if bucket == view.settings.manifest_bucket:
                    manifests.add(found.key)
                else:
                    listed[found.key] += 1
    reached = reached_keys(versions)
    told = {each.key: _told(version) for version in versions for each in version.artifacts}
    found = [
        f"{key} is stored and nothing reaches it: {told.get(key, 'no version has it')}"
        for key in sorted(listed.keys() - reached)
    ]
    found += [f"{key} is reached and not stored" for key in sorted(reached - listed.keys())]
    found += [f"{key} is stored {count} times" for key, count in listed.items() if count > 1]
    found += _count_violations(versions)
    gone = {f"{v.model}/{v.number}.json" for v in versions if _is_purged(v)}
    found += [f"the manifest {name} of a purged version is left" for name in manifests & gone]
    return found


def reached_keys(versions: Iterable[VersionRecord]) -> set[str]:
    """Return the keys under which the bytes lie of every version that is not purged."""
    return {
        artifact.location or artifact.key
        for version in versions
        if version.state in ("ready", "missing")
        or (version.state == "deleted" and not _is_purged(version))
        for artifact in version.artifacts
    }


def _count_violations(versions: Sequence[VersionRecord]) -> list[str]:
    sharing = Counter(
        artifact.location
        for version in versions
        if not _is_purged(version)
        for artifact in version.artifacts
        if artifact.location is not None
    )
    return [
        f"{artifact.key} counts {artifact.references} that refer to it, {sharing[artifact.key]} do"
        for version in versions
        for artifact in version.artifacts
        if artifact.references != sharing[artifact.key]
    ]


def _told(version: VersionRecord) -> str:
    session = version.session.state if version.session is not None else None
    reasons = [f"{reason.path}: {reason.code}" for reason in version.reasons]
    purged = ", purged" if _is_purged(version) else ""
    return f"version {version.number} is {version.state}{purged}, session {session}, {reasons}"


def _is_purged(version: VersionRecord) -> bool:
    return version.deletion is not None and version.deletion.purge_began_at is not None
