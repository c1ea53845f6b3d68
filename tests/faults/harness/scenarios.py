"""Courses of events that a safeguard must withstand; each returns what the checker finds."""

import asyncio
import os

import httpx

from local.processes.ports import HOST, choose_port
from registry.schemas import UploadSession
from shared.database.indexes import wanted_indexes
from tests.faults.harness.processes import Service
from tests.faults.harness.running_registry import Harness
from tests.faults.harness.uploader import Refused, Uploader
from tests.faults.harness.waiting import until, until_true
from tests.support.access import BEARER
from tests.support.api import MIB


async def late_verdict(registry: Harness, *tamperings: str) -> list[str]:
    """An indexer freezes between verification and transaction; meanwhile the upload is aborted."""
    ingest = registry.launch("ingest", *tamperings)
    indexer = registry.launch("indexer", "stop:after_verification", *tamperings)
    await ingest.ready()
    await indexer.ready()
    uploader, files = registry.uploader, {"model.bin": os.urandom(500)}
    upload = uploader.intend(registry.model, files, outcome="rejected")
    session = await uploader.open(upload, files)
    await uploader.send(session, files)
    upload.confirmed = True
    await indexer.stopped()
    await uploader.abort(session.upload_id)
    indexer.thaw()
    return await registry.violations()


async def late_reader(registry: Harness, *tamperings: str) -> list[str]:
    """An indexer freezes in a full read, and wakes up with half an object in hand.

    By then its lease is over and another one reads the object, not through with it yet.
    """
    late = await registry.start("indexer", "short_read:", "lease:1", *tamperings)
    registry.write(f"{registry.model}/1/model.bin", os.urandom(5000))
    await late.stopped()
    first = await _holder(registry)
    other = registry.launch("indexer", "stop:after_full_read", *tamperings)
    await other.stopped()
    assert await _holder(registry) != first
    late.thaw()
    await _over(registry, late)
    other.thaw()
    return await registry.violations()


async def late_adopter(registry: Harness, *tamperings: str) -> list[str]:
    """An indexer freezes when it has listed a folder, to which another file comes then.

    By then its lease is over and another one lists both files, not through with them yet.
    """
    late = await registry.start("indexer", "stop:before_adoption", "lease:1", *tamperings)
    registry.write(f"{registry.model}/1.0/a.bin", os.urandom(500))
    await late.stopped()
    registry.write(f"{registry.model}/1.0/b.bin", os.urandom(500))
    other = registry.launch("indexer", "stop:before_adoption", *tamperings)
    await other.stopped()
    late.thaw()

    async def is_over() -> bool:
        return bool(await registry.view.versions()) or "lease lost" in late.output()

    await until_true("the late adopter ends its work", is_over)
    other.thaw()
    return await registry.violations()


async def late_complete(registry: Harness, *tamperings: str) -> list[str]:
    """An ingest freezes when it has seen all parts; meanwhile the upload is aborted by another."""
    await registry.start("indexer")
    late = await registry.start("ingest", *tamperings, "stop:before_end")
    port = choose_port("ingest", "free", None)
    await registry.start("ingest", REGISTRY_PORT=str(port))
    uploader, files = registry.uploader, {"model.bin": os.urandom(MIB + 1)}
    upload = uploader.intend(registry.model, files)
    session = await uploader.open(upload, files)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_sent(uploader, session, files))
        await late.stopped()
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            url = f"http://{HOST}:{port}/v1/uploads/{session.upload_id}"
            assert (await client.delete(url, headers=BEARER)).status_code == 204
        late.thaw()
    upload.confirmed = sending.result()
    return await registry.violations()


async def _sent(uploader: Uploader, session: UploadSession, files: dict[str, bytes]) -> bool:
    """Send and complete the upload; returns whether that was granted."""
    try:
        await uploader.send(session, files)
    except Refused:
        return False
    return True


async def one_number_twice(registry: Harness, *tamperings: str) -> list[str]:
    """Two uploads ask for the same number of a model."""
    changed: dict[str, str] = {}
    if tamperings:
        # Provisioning made the indexes as they must be: the services make them anew, as only an
        # administrator may.
        for collection in wanted_indexes():
            await getattr(registry.view.database, collection).driver.drop_indexes()
        changed = {f"{name}_MONGODB_PASSWORD": "" for name in ("INGEST", "INDEXER")}
    await registry.start_both(*tamperings, **changed)
    await asyncio.gather(
        *(registry.uploader.upload(registry.model, os.urandom(500), version=7) for _ in range(2))
    )
    return await registry.violations(rest_seconds=_rest(tamperings))


async def one_upload_twice(registry: Harness, *tamperings: str) -> list[str]:
    """The same request comes twice, with its idempotency key."""
    await registry.start_both(*tamperings)
    uploader, files = registry.uploader, {"model.bin": os.urandom(500)}
    upload = uploader.intend(registry.model, files)
    first = await uploader.open(upload, files)
    await uploader.open(upload, files)
    await uploader.send(first, files)
    upload.confirmed = True
    return await registry.violations(rest_seconds=_rest(tamperings))


def _rest(tamperings: tuple[str, ...]) -> float:
    """Without its safeguard there is a version that nobody ever settles: that is soon seen."""
    return 3 if tamperings else 90


async def _holder(registry: Harness) -> str:
    """Return the token of who holds the one version that is being read."""

    async def look() -> str | None:
        [version] = await registry.view.versions()
        return version.work.token if version.work else None

    return await until("somebody holds the version", look)


async def _over(registry: Harness, late: Service) -> None:
    """Wait until the late worker's finding counts, or was dropped with its lease."""

    async def look() -> bool:
        [version] = await registry.view.versions()
        return version.state == "rejected" or "lease lost" in late.output()

    await until_true("the late worker ends its work", look)
