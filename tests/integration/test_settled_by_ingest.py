"""Versions that ingest settles are counted as those that the indexer does, each once."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from registry.schemas import CompleteRequest, ReuseRequest, SignPartsRequest, UploadRequest
from services.indexer.figures import counts as of_indexer
from services.ingest.counts import REASONS
from services.ingest.uploads.completion import abort_upload, complete_upload
from services.ingest.uploads.opening import open_upload
from services.ingest.uploads.parts import sign_parts
from services.ingest.uploads.reuse import reuse
from shared.database.sessions import complete_session
from shared.domain.access.decision import EVERY_NAME
from shared.runtime.settings import MIB
from shared.runtime.telemetry.settled import SettledVersions
from tests.integration.drafts import OWNER
from tests.integration.failing_storage import ready
from tests.integration.rig import Rig, opened_rig, upload_of
from tests.support.api import file_of, parts_of, sha256_of
from tests.support.servers import Addresses

DATA = b"a"
LARGE = os.urandom(6 * MIB)
PARTS = parts_of(LARGE, 5 * MIB)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def rig(addresses: Addresses, registry: CollectorRegistry) -> AsyncIterator[Rig]:
    async with opened_rig(addresses) as opened:
        yield replace(
            opened, ingest=replace(opened.ingest, counts=SettledVersions(registry, REASONS))
        )


def settled(registry: CollectorRegistry, state: str) -> float | None:
    return registry.get_sample_value("registry_versions_settled_total", {"state": state})


def rejected(registry: CollectorRegistry, reason: str) -> float | None:
    return registry.get_sample_value("registry_versions_rejected_total", {"reason": reason})


def test_both_services_tell_of_the_same_figures_from_the_beginning() -> None:
    for counted in (partial(SettledVersions, reasons=REASONS), of_indexer.Counted):
        made = CollectorRegistry()
        counted(made)
        assert {settled(made, each) for each in ("ready", "rejected", "missing")} == {0}
        assert rejected(made, "upload_expired") == 0


async def test_an_upload_that_needs_no_byte_is_ready_once(
    rig: Rig, registry: CollectorRegistry
) -> None:
    await ready(rig, "first")
    assert settled(registry, "ready") == 0, "the indexer's"
    asked = {"model": "second", "files": [file_of("a.bin", DATA)]}
    request = UploadRequest.model_validate(asked)
    for _ in range(2):
        session, _ = await open_upload(request, "key", OWNER, rig.ingest, readable=EVERY_NAME)
        assert session.version_state == "ready"
    assert settled(registry, "ready") == 1


async def test_a_session_whose_last_file_is_found_to_be_stored_is_ready(
    rig: Rig, registry: CollectorRegistry
) -> None:
    await ready(rig, "first")
    session = await rig.open("second", ("a.bin", DATA), digest=False)
    wanted = ReuseRequest(sha256={"a.bin": sha256_of(DATA)})
    found = await reuse(await upload_of(session, rig.ingest), wanted, EVERY_NAME, rig.ingest)
    assert found.version_state == "ready"
    assert settled(registry, "ready") == 1


async def test_an_upload_that_is_aborted_is_rejected_once(
    rig: Rig, registry: CollectorRegistry
) -> None:
    session = await rig.open("aborted", ("a.bin", DATA))
    for _ in range(2):
        await abort_upload(await upload_of(session, rig.ingest), rig.ingest)
    assert settled(registry, "rejected") == rejected(registry, "upload_aborted") == 1


async def test_an_upload_of_which_storage_lost_the_parts_is_rejected(
    rig: Rig, registry: CollectorRegistry
) -> None:
    session = await rig.open("lost", ("a.bin", LARGE))
    parts = [{"number": number, "sha256": sha256_of(data)} for number, data in PARTS.items()]
    wanted = SignPartsRequest.model_validate({"path": "a.bin", "parts": parts})
    await sign_parts(await upload_of(session, rig.ingest), wanted, rig.ingest)
    version = await rig.version("lost")
    assert await complete_session(rig.ingest.database, version, {})
    [artifact] = version.artifacts
    assert artifact.multipart_id is not None
    await rig.indexer.storage.multipart.abort(rig.bucket, artifact.key, artifact.multipart_id)
    done = CompleteRequest()
    await complete_upload(await upload_of(session, rig.ingest), done, rig.ingest)
    assert settled(registry, "rejected") == rejected(registry, "parts_lost") == 1
