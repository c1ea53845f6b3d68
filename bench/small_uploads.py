"""Small uploads through the registry's HTTP interface, as a client makes them."""

import hashlib
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bench.common import System
from bench.wire import Pool, open_pool

BODY_BYTES = 512


@dataclass(frozen=True, slots=True)
class Opened:
    """An upload session of one file, its bytes not sent yet."""

    model: str
    number: int
    version_id: str
    key: str
    target: str
    """Path and query of the signed PUT."""
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Uploads:
    """Connections to ingest and to storage."""

    ingest: Pool
    storage: Pool

    async def open(self, model: str) -> Opened:
        """Open a session for a file of random bytes."""
        body = os.urandom(BODY_BYTES)
        file = {
            "path": "model.bin",
            "size_bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
        }
        request = json.dumps({"model": model, "files": [file]}).encode()
        answer: dict[str, Any] = json.loads(
            await self.ingest.request(
                "POST",
                "/v1/uploads",
                request,
                {"content-type": "application/json"},
                expected=201,
            )
        )
        plan = answer["files"][0]
        signed = plan["put"]
        target = "/" + signed["url"].split("/", 3)[3]
        number, version_id = answer["number"], answer["version_id"]
        return Opened(model, number, version_id, plan["key"], target, signed["headers"], body)

    async def put(self, opened: Opened) -> None:
        """Send the bytes to storage."""
        await self.storage.request("PUT", opened.target, opened.body, opened.headers)


@asynccontextmanager
async def open_uploads(system: System) -> AsyncGenerator[Uploads]:
    """Open the connections and close them at the end."""
    host, _, port = system.settings.minio_endpoint.partition(":")
    async with (
        open_pool(system.address("ingest"), system.bearer) as ingest,
        open_pool((host, int(port))) as storage,
    ):
        yield Uploads(ingest, storage)
