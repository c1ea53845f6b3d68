"""The plain program beside the indexer: read a bucket event, insert one document.

`python -m bench.bare_consumer EVENTS [--head] [--gather] [--times FILE]`, with settings in its
environment. It prints a line when it consumes and, after so many events of its bucket, one of JSON;
the file then tells when each event arrived and was inserted.
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import unquote_plus

import uvloop
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from miniopy_async.api import Minio
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection

from bench.common import storage_client
from bench.memory import peak_mib
from shared.runtime.settings import Settings

Document = dict[str, Any]
Record = ConsumerRecord[bytes, bytes]
BATCH = 200


class BareConsumer:
    """A loop over events, and when each arrived and was inserted."""

    def __init__(
        self, bucket: str, documents: AsyncIOMotorCollection[Document], storage: Minio | None
    ) -> None:
        self._bucket, self._documents, self._storage = bucket, documents, storage
        self.arrived: dict[str, float] = {}
        self.inserted: dict[str, float] = {}

    async def handle(self, record: Record) -> None:
        """Insert a document for an event of our bucket, after a HEAD where storage is given."""
        arrived = monotonic()
        s3 = json.loads(record.value or b"")["Records"][0]["s3"]
        if s3["bucket"]["name"] != self._bucket:
            return
        key, version = unquote_plus(s3["object"]["key"]), s3["object"].get("versionId")
        document: Document = {"_id": f"{key}@{version}", "size_bytes": s3["object"].get("size")}
        if self._storage is not None:
            found = await self._storage.stat_object(
                self._bucket,
                key,
                version_id=version,
                extra_headers={"x-amz-checksum-mode": "ENABLED"},
            )
            document |= {"size_bytes": found.size, "etag": found.etag}
        await self._documents.insert_one(document)
        self.arrived[key], self.inserted[key] = arrived, monotonic()


async def consume(
    events: int, *, head: bool, gather: bool, times: Path | None = None
) -> dict[str, float]:
    """Handle events one at a time, or those of a poll together; returns what was measured."""
    settings = Settings()  # pyright: ignore[reportCallIssue] - from the environment
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        settings.mongodb_url.get_secret_value()
    )
    storage = storage_client(settings) if head else None
    bare = BareConsumer(settings.minio_bucket, client[settings.mongodb_db]["bare"], storage)
    begun = None
    async for records in _records(settings, gather):
        begun = begun or monotonic()
        await asyncio.gather(*(bare.handle(record) for record in records))
        if len(bare.inserted) >= events:
            break
    ended = monotonic()
    client.close()
    if storage is not None:
        await storage.close_session()
    if times is not None:
        text = json.dumps({"arrived": bare.arrived, "inserted": bare.inserted})
        await asyncio.to_thread(times.write_text, text)
    return {"seconds": ended - (begun or ended), "peak_mib": peak_mib(os.getpid())}


async def _records(settings: Settings, gather: bool) -> AsyncGenerator[list[Record]]:
    # aiokafka's methods are not typed.
    consumer: Any = AIOKafkaConsumer(
        settings.kafka_bucket_events_topic,
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.kafka_indexer_group,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    while not consumer.assignment():  # noqa: ASYNC110 - aiokafka has no event for it
        await asyncio.sleep(0.01)
    print("consuming", flush=True)
    try:
        while True:
            if gather:
                found = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
                yield [record for records in found.values() for record in records]
            else:
                yield [await consumer.getone()]
    finally:
        await consumer.stop()


def main() -> None:
    """Consume as the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("events", type=int)
    parser.add_argument("--head", action="store_true")
    parser.add_argument("--gather", action="store_true")
    parser.add_argument("--times", type=Path)
    found = uvloop.run(consume(**vars(parser.parse_args())))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
