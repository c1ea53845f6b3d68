"""Checks of the bytes: every object of a ready version is read again, and no object is unknown."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from shared.database.found_folders import list_folders
from shared.domain.digests import composite
from shared.domain.object_keys import folder_of, is_folder_marker
from shared.domain.records import ArtifactRecord, VersionRecord
from shared.domain.sessions import GIVEN_UP
from shared.storage.connection import StorageMissing
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.view import View

AT_ONCE = 16


async def object_violations(
    view: View, versions: Sequence[VersionRecord], ledger: Ledger
) -> list[str]:
    """Return ready versions whose bytes are not the declared ones, and objects of nobody."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def check(version: VersionRecord, artifact: ArtifactRecord) -> list[str]:
        async with slots:
            return await _artifact(view, version, artifact, ledger)

    checks = [check(v, a) for v in versions if v.state == "ready" for a in v.artifacts]
    found = [violation for each in await asyncio.gather(*checks) for violation in each]
    return found + await _strays(view, versions) + await _open_uploads(view, versions)


async def _artifact(
    view: View, version: VersionRecord, artifact: ArtifactRecord, ledger: Ledger
) -> list[str]:
    name = f"{version.model}/{version.number}/{artifact.path}"
    try:
        data = b"".join(
            [
                chunk
                async for chunk in view.storage.objects.stream(
                    version.storage_group, artifact.stored_key, artifact.object_version
                )
            ]
        )
    except StorageMissing:
        return [f"{name} is ready and its object is gone"]
    digest = hashlib.sha256(data).hexdigest()
    found: list[str] = []
    if len(data) != artifact.size_bytes:
        found.append(f"{name} has {len(data)} bytes, not {artifact.size_bytes}")
    if {artifact.sha256, artifact.expected_sha256} - {None, digest}:
        found.append(f"{name} has not the digest that was told")
    if artifact.composite is not None and artifact.composite.value != _composite(data, artifact):
        found.append(f"{name} has not the composite digest that was told")
    if _sent(version, artifact, ledger) not in (None, digest):
        found.append(f"{name} has not the bytes that were sent")
    return found


def _composite(data: bytes, artifact: ArtifactRecord) -> str:
    size = artifact.part_size_bytes or len(data)
    parts = (data[start : start + size] for start in range(0, len(data), size))
    return composite(hashlib.sha256(part).hexdigest() for part in parts)


def _sent(version: VersionRecord, artifact: ArtifactRecord, ledger: Ledger) -> str | None:
    key = version.session.idempotency_key if version.session else None
    upload = ledger.uploads.get(key or "")
    return upload.digests.get(artifact.path) if upload else ledger.objects.get(artifact.key)


async def _strays(view: View, versions: Sequence[VersionRecord]) -> list[str]:
    """Return reports of objects that a version owns, and objects that nobody knows.

    Nothing may lie under the keys of an upload that was given up.
    """
    strays: list[dict[str, Any]] = await view.database.strays.find().to_list()
    owned = {(a.key, a.object_version) for v in versions for a in v.artifacts if a.object_version}
    reported = {stray["key"] for stray in strays}
    folders = await list_folders(view.database, bucket=None, after="", limit=1000)
    keys = {
        artifact.key
        for version in versions
        if version.session is None or version.session.state not in GIVEN_UP
        for artifact in version.artifacts
    }
    found = [
        f"{stray['key']} is reported as {stray['code']}, and a version owns it"
        for stray in strays
        if (stray["key"], stray["object_version"]) in owned and stray["code"] != "version_rejected"
    ]
    found += [f"folder {each.prefix} was given up: {each.failure}" for each in folders]
    async for page in view.storage.listing.pages(view.settings.minio_bucket):
        found += [
            f"object {listed.key} is known to nobody"
            for listed in page
            if not is_folder_marker(listed.key, listed.size_bytes)
            and listed.key not in keys
            and reported.isdisjoint((listed.key, _folder(listed.key)))
        ]
    return found


def _folder(key: str) -> str:
    """What the key's folder is reported as, where it holds too much."""
    return folder_of(key) if key.count("/") > 1 else ""


async def _open_uploads(view: View, versions: Sequence[VersionRecord]) -> list[str]:
    """Return multipart uploads that are open although no open session refers to them.

    MinIO lists the uploads of one key for sure, those of a bucket since its start: both are asked.
    """
    bucket = view.settings.minio_bucket
    wanted = {
        artifact.multipart_id
        for version in versions
        if version.session is not None and version.session.state == "open"
        for artifact in version.artifacts
    }
    large = {a.key for v in versions for a in v.artifacts if a.kind == "multipart"}
    found: set[str] = set()
    for prefix in ("", *sorted(large)):
        async for page in view.storage.multipart.open_uploads(bucket, prefix=prefix):
            found |= {each.key for each in page if each.multipart_id not in wanted}
    return [f"parts of {key} are left, and no open upload refers to them" for key in sorted(found)]
