"""Checks of the records: an upload that was confirmed is one version, and none is of nothing."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from shared.domain.object_keys import folder_of
from shared.domain.records import ArtifactRecord, VersionRecord
from tests.faults.harness.ledger import Ledger, Upload


def record_violations(versions: Sequence[VersionRecord], ledger: Ledger) -> list[str]:
    """Return what is wrong with the versions, seen from those who uploaded them."""
    found: list[str] = []
    by_key: dict[str, list[VersionRecord]] = defaultdict(list)
    for version in versions:
        if version.source == "upload":
            key = version.session.idempotency_key if version.session else None
            by_key[key or ""].append(version)
            if key not in ledger.uploads:
                found.append(f"{_name(version)} belongs to no upload")
        elif not all(artifact.key in ledger.objects for artifact in version.artifacts):
            found.append(f"{_name(version)} belongs to no object that was written")
    for key, upload in ledger.uploads.items():
        found += _upload(upload, by_key.get(key, []))
    for key in ledger.objects:
        owners = [v for v in versions if key in (a.key for a in v.artifacts)]
        if [owner.state for owner in owners] != ["ready"]:
            states = [f"{_name(owner)} {owner.state}" for owner in owners]
            found.append(f"object {key} is not one ready version: {states}")
    found += _folders(versions, ledger)
    found += _doubles(versions)
    for version in versions:
        if version.state == "ready":
            found += _ready(version)
        if version.state == "rejected" and not version.reasons:
            found.append(f"{_name(version)} is rejected without a reason")
    return found


def _folders(versions: Sequence[VersionRecord], ledger: Ledger) -> list[str]:
    """Return folders of a plain S3 client that are not one version with all their files."""
    folders: dict[str, set[str]] = defaultdict(set)
    for key in ledger.objects:
        folders[folder_of(key)].add(key)
    made: dict[str, list[VersionRecord]] = defaultdict(list)
    for version in versions:
        if version.source == "object":
            for folder in {folder_of(artifact.key) for artifact in version.artifacts}:
                made[folder].append(version)
    found: list[str] = []
    for folder, keys in folders.items():
        files = [{artifact.key for artifact in version.artifacts} for version in made[folder]]
        if files != [keys]:
            lacking = sorted(keys - set().union(*files))
            found.append(
                f"folder {folder} is {len(files)} versions, not one with all its {len(keys)} files;"
                f" lacking: {lacking[:3]}"
            )
    return found


def _upload(upload: Upload, versions: Sequence[VersionRecord]) -> list[str]:
    name = f"upload {upload.key} of {upload.model}"
    if len(versions) > 1:
        return [f"{name} is {len(versions)} versions: {[v.number for v in versions]}"]
    if not upload.confirmed:
        return []
    if not versions:
        return [f"{name} is lost"]
    [version] = versions
    if upload.outcome != "any" and version.state != upload.outcome:
        reasons = [reason.code for reason in version.reasons]
        return [f"{name} is {version.state} {reasons}, not {upload.outcome}"]
    told = {artifact.path: artifact.size_bytes for artifact in version.artifacts}
    return [] if told == upload.sizes else [f"{name} has other files: {told}"]


def _doubles(versions: Sequence[VersionRecord]) -> list[str]:
    numbers = Counter((version.model, version.number) for version in versions)
    keys = Counter(artifact.key for version in versions for artifact in version.artifacts)
    doubles = [f"{m}/{number} was given {n} times" for (m, number), n in numbers.items() if n > 1]
    return doubles + [f"{n} versions own the key {key}" for key, n in keys.items() if n > 1]


def _ready(version: VersionRecord) -> list[str]:
    lacking = [
        f"{_name(version)} is ready and lacks {what} of {artifact.path}"
        for artifact in version.artifacts
        for what in _lacks(artifact)
    ]
    if version.failure is not None:
        lacking.append(f"{_name(version)} is ready and has failed: {version.failure.code}")
    return lacking


def _lacks(artifact: ArtifactRecord) -> list[str]:
    facts = {
        "verification": artifact.state == "verified",
        "the size": artifact.size_bytes > 0,
        "a digest": bool(artifact.composite or artifact.sha256_state == "verified"),
        "the format": artifact.format is not None,
        "the object's version": artifact.object_version is not None,
    }
    return [what for what, is_there in facts.items() if not is_there]


def _name(version: VersionRecord) -> str:
    return f"{version.model}/{version.number}"
