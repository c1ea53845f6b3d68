"""What the benchmarks share: servers and services of their own, and small measuring tools."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from statistics import quantiles
from typing import TypedDict

import uvloop
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from miniopy_async.api import Minio
from pymongo import MongoClient

from local import stack
from local.environment import read_env_file
from local.servers.mongo import without_retries
from shared.runtime.service_users import USER_SETTINGS
from shared.runtime.settings import Settings


class BenchmarkError(Exception):
    """A benchmark cannot go on; its text says what happened."""


class ClientOptions(TypedDict):
    """Whom a client of the registry asks as, and where it may say so."""

    token: str
    origins: Sequence[str]


@dataclass
class System:
    """Running servers, and the services that a benchmark starts on them."""

    root: Path
    environment: dict[str, str]
    """Settings as environment variables, of the servers and of the services that were started."""
    _taken: list[Settings] = field(default_factory=list[Settings])

    def fresh(self) -> None:
        """Give the services a bucket, a database, a group and topics that nobody has used yet."""
        tag = token_hex(4)
        self.environment |= {
            "MINIO_BUCKET": f"bench-{tag}",
            "MANIFEST_BUCKET": f"bench-{tag}-manifests",
            "MONGODB_DB": f"bench_{tag}",
            "KAFKA_INDEXER_GROUP": f"bench-{tag}",
            "KAFKA_MODEL_EVENTS_TOPIC": f"bench-{tag}",
        }
        self._taken.append(self.settings)

    @property
    def settings(self) -> Settings:
        """The settings of the services, whatever the environment of this process says."""
        return Settings.model_validate(
            {name.lower(): value for name, value in self.environment.items()}
        )

    @property
    def bearer(self) -> dict[str, str]:
        """The header of requests that may do everything."""
        return {"authorization": f"Bearer {self.environment['REGISTRY_ADMIN_TOKEN']}"}

    @property
    def client_environment(self) -> dict[str, str]:
        """The environment of a process that uses the registry's client."""
        settings = self.settings
        return {
            **self.environment,
            "REGISTRY_TOKEN": self.environment["REGISTRY_ADMIN_TOKEN"],
            "REGISTRY_ORIGINS": f"{settings.ingest_url},{settings.query_url}",
        }

    @property
    def client_options(self) -> ClientOptions:
        """Arguments of a client in this process, beside its URL."""
        settings = self.settings
        return {
            "token": self.environment["REGISTRY_ADMIN_TOKEN"],
            "origins": (settings.ingest_url, settings.query_url),
        }

    def start(self, *names: str, **changed: str) -> None:
        """Have services running with the environment, restarted where it `changed`."""
        self.environment |= changed
        self.environment |= stack.start_services(self.root, self.environment, "free", names=names)

    def stop(self, *names: str) -> None:
        """Stop services."""
        stack.stop(self.root, names)

    def pid(self, name: str) -> int:
        """The process id of a service."""
        return stack.processes(self.root)[name].pid

    def address(self, service: str) -> tuple[str, int]:
        """Host and port of a service."""
        settings = self.settings
        port = {"ingest": settings.registry_port, "query": settings.query_port}[service]
        return settings.registry_host, port

    async def clean(self) -> None:
        """Take away what `fresh` gave; for servers that live on."""
        for settings in self._taken:
            await _forget(settings)


@contextmanager
def running_system(servers: Path | None) -> Generator[System]:
    """Start servers below a temporary root, or use those of the dotenv file `servers`.

    The services are ours in both cases, on free ports. What was started is stopped at the end,
    and what was written is deleted.
    """
    root = Path(tempfile.mkdtemp(prefix="registry-bench-"))
    system = System(root, {})
    try:
        if servers is None:
            environment = stack.start_servers(root, "free").settings_env()
            environment["MONGODB_URL"] = without_retries(environment["MONGODB_URL"])
        else:
            environment = read_env_file(servers)
            # Nor those users' rights: they are for the buckets of whoever runs the servers.
            for name in ("REGISTRY_PORT", "QUERY_PORT", "INDEXER_PORT", *USER_SETTINGS):
                environment.pop(name, None)
        token = token_hex(32)  # also where servers are somebody's: the services are ours
        system.environment |= {
            **environment,
            "LOG_LEVEL": "warning",
            "REGISTRY_ADMIN_TOKEN": token,
        }
        yield system
    finally:
        stack.stop(root, ("ingest", "query", "indexer", "notifier"))
        if servers is not None:
            uvloop.run(system.clean())
        stack.stop(root)
        shutil.rmtree(root, ignore_errors=True)


async def _forget(settings: Settings) -> None:
    storage = storage_client(settings)
    for bucket in (settings.minio_bucket, settings.manifest_bucket):
        await empty_bucket(settings, bucket)
        if await storage.bucket_exists(bucket):
            await storage.remove_bucket(bucket)
    await storage.close_session()
    with MongoClient[dict[str, object]](settings.mongodb_url.get_secret_value()) as client:
        client.drop_database(settings.mongodb_db)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_topics([settings.kafka_model_events_topic])
    except KafkaError as error:
        print(f"Topic {settings.kafka_model_events_topic} stays: {error}", file=sys.stderr)
    finally:
        await admin.close()


def storage_client(settings: Settings) -> Minio:
    """A storage client as a plain program makes it."""
    return Minio(
        settings.minio_endpoint,
        access_key=settings.minio_access_key.get_secret_value(),
        secret_key=settings.minio_secret_key.get_secret_value(),
        region=settings.minio_region,
        secure=settings.minio_secure,
    )


async def empty_bucket(settings: Settings, bucket: str) -> None:
    """Delete every version of every object of a bucket that is there."""
    client = storage_client(settings)
    try:
        if await client.bucket_exists(bucket):
            async for found in client.list_objects(bucket, recursive=True, include_version=True):
                name = found.object_name or ""
                await client.remove_object(bucket, name, version_id=found.version_id)
    finally:
        await client.close_session()


@contextmanager
def python_process(
    module: str, *arguments: str, environment: Mapping[str, str]
) -> Generator[subprocess.Popen[str]]:
    """Run `python -m module` with pipes for its input and output; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_line(process: subprocess.Popen[str]) -> str:
    """Wait for the next line that the process prints; raises BenchmarkError when it ends first."""
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise BenchmarkError(f"{process.args!r} ended early, with {process.wait()}")
    return line


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p90 and p99 of at least two values."""
    cuts = quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98]}
