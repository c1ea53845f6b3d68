"""Ingest's and the indexer's use cases over real servers, without their processes.

Nobody reads the bucket's events here, so each test sees what happens when they never come.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from registry.schemas import Model, UploadRequest, UploadSession
from services.indexer.context import Context
from services.indexer.found.adopter import adopt_once
from services.ingest import context as ingest
from services.ingest.uploads.opening import open_upload
from shared.database.client import open_database
from shared.database.indexes import verify_indexes
from shared.database.models import find_model
from shared.domain.records import VersionRecord
from shared.kafka.dead_letters import DeadLetter
from shared.runtime.settings import MIB
from shared.storage.adapter import open_storage
from tests.integration.drafts import OWNER, pending_events
from tests.support.api import file_of
from tests.support.isolation import isolated, settings_of
from tests.support.s3 import S3, s3_client
from tests.support.servers import Addresses


@dataclass(frozen=True)
class Rig:
    """Contexts of both services over one database and bucket of its own."""

    indexer: Context
    ingest: ingest.Context
    s3: S3
    http: httpx.AsyncClient

    @property
    def bucket(self) -> str:
        return self.indexer.settings.minio_bucket

    def put(self, key: str, data: bytes = b"bytes") -> str:
        """Write an object as a plain S3 client does; returns its version, "" where it has none."""
        written = self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)
        return written.get("VersionId", "")

    def suspend_versions(self) -> None:
        """Let the bucket keep one version of each object, as some stores do."""
        client: Any = self.s3
        suspended = {"Status": "Suspended"}
        client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration=suspended)

    def switch_events_off(self) -> None:
        """Let storage tell nobody: many writes are faster then."""
        client: Any = self.s3
        client.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={}
        )

    async def open(
        self, model: str, *files: tuple[str, bytes], digest: bool = True
    ) -> UploadSession:
        """Open an upload session of these files."""
        asked = [file_of(path, data, digest=digest) for path, data in files]
        request = UploadRequest.model_validate({"model": model, "files": asked})
        session, _ = await open_upload(request, None, OWNER, self.ingest)
        return session

    async def upload(
        self, model: str, *files: tuple[str, bytes], digest: bool = True
    ) -> UploadSession:
        """Open a session and send its files by one PUT each."""
        session = await self.open(model, *files, digest=digest)
        for plan, (_, data) in zip(session.files, files, strict=True):
            assert plan.put is not None
            answer = await self.http.put(plan.put.url, content=data, headers=plan.put.headers)
            assert answer.status_code == 200, answer.text
        return session

    async def adopt(self) -> None:
        """Have every folder that is complete adopted; none may fail."""

        async def bury(letter: DeadLetter) -> None:
            raise AssertionError(letter.headers["reason"])

        while await adopt_once(self.indexer, bury, lambda: None):
            pass

    async def version(self, model: str, number: int = 1) -> VersionRecord:
        """The version as it is recorded."""
        found = await self.indexer.database.versions.find_one({"model": model, "number": number})
        assert found is not None, f"{model}/{number} is not recorded"
        return VersionRecord.model_validate(found)

    async def model(self, name: str) -> Model:
        """The model as users see it."""
        found = await find_model(self.indexer.database, name)
        assert found is not None
        return found

    async def told(self, model: str) -> list[str]:
        """What the model's subscribers are told, in order."""
        pending = await pending_events(self.indexer.database, model)
        return [json.loads(event.body)["type"].split(".")[2] for event in pending]


async def upload_of(session: UploadSession, context: ingest.Context) -> VersionRecord:
    """The version of an upload, as a request for it finds it."""
    found = await context.versions.get(session.version_id)
    assert found is not None
    return found


@asynccontextmanager
async def opened_rig(addresses: Addresses, **changes: Any) -> AsyncGenerator[Rig]:
    """Open the contexts over buckets and a database that nobody else uses."""
    small = {"upload_single_put_max_bytes": MIB, "upload_part_size_bytes": 5 * MIB}
    small["found_settle_seconds"] = 0  # a folder is complete once it is recorded
    settings = settings_of(isolated(addresses)).model_copy(update={**small, **changes})
    async with (
        open_database(settings) as database,
        open_storage(settings) as storage,
        httpx.AsyncClient(trust_env=False, timeout=30) as http,
    ):
        await verify_indexes(database)
        indexer = Context.create(settings, database, storage)
        await indexer.groups.prepare()
        context = ingest.Context.create(settings, database, storage)
        yield Rig(indexer, context, s3_client(settings), http)
