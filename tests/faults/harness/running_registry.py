"""A registry of a scenario's own on the suite's servers: its processes, uploaders and checker."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx

from local.processes.ports import HOST, choose_port
from local.servers.services import PORT_SETTINGS
from services.admin.operator import open_operator
from services.admin.provision.provision import provision
from services.indexer.kafka.topics import ensure_topics
from services.indexer.publish import relay
from shared.runtime.service_users import settings_of_service
from shared.runtime.settings import Settings
from tests.faults.harness import kafka_groups
from tests.faults.harness.checker import violations
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.outages import Servers
from tests.faults.harness.processes import Service
from tests.faults.harness.uploader import Uploader
from tests.faults.harness.view import View, open_view
from tests.support.api import MIB, sha256_of
from tests.support.isolation import isolated, settings_of
from tests.support.narrow import provisioning_settings, with_users

REQUEST_SECONDS = 15.0
"""A request to a server that is frozen ends by this, and is repeated."""


class Harness:
    """One registry: services are started as processes, several indexers side by side."""

    def __init__(self, servers: Servers, environment: dict[str, str], folder: Path) -> None:
        self.servers = servers
        self.environment = environment
        self.ledger = Ledger()
        self.model = f"model-{uuid4().hex[:8]}"
        self.services: list[Service] = []
        self._folder = folder
        self.uploader: Uploader
        self.view: View

    @property
    def settings(self) -> Settings:
        """Settings of the services."""
        return settings_of(self.environment)

    async def start(self, name: str, *tamperings: str, **changed: str) -> Service:
        """Start a service and wait until it is ready."""
        service = self.launch(name, *tamperings, **changed)
        await service.ready()
        return service

    def launch(self, name: str, *tamperings: str, **changed: str) -> Service:
        """Start a service, on a port of its own if it is one of which there may be several."""
        settings = {**self.environment, **changed}
        if name in ("indexer", "notifier"):
            settings[PORT_SETTINGS[name]] = str(choose_port(name, "free", None))
        log = self._folder / f"{len(self.services)}-{name}.log"
        service = Service(name, settings_of_service(name, settings), tamperings, log)
        self.services.append(service)
        return service

    async def start_both(self, *tamperings: str, **changed: str) -> tuple[Service, Service]:
        """Start ingest and one indexer, alike tampered with; returns both."""
        ingest = self.launch("ingest", *tamperings, **changed)
        indexer = self.launch("indexer", *tamperings, **changed)
        await ingest.ready()
        await indexer.ready()
        return ingest, indexer

    async def restart(self, dead: Service, *tamperings: str, **changed: str) -> Service:
        """Start the service anew; a dead consumer's place in its group is free at once."""
        dead.close()
        if dead.name == "indexer":
            await kafka_groups.expel(self.settings)
        if dead.name == "notifier":
            await kafka_groups.expel(self.settings, self.settings.kafka_notifier_group)
        return await self.start(dead.name, *tamperings, **changed)

    @asynccontextmanager
    async def nobody_relays(self) -> AsyncGenerator[None]:
        """Hold the relay's lease, so that a process started now is at nothing but its boundary.

        A transaction of its relay that was under way when it is killed would be ended by the
        database, but only after a minute.
        """
        leases, now = self.view.database.leases, await self.view.database.now()
        held = {"token": "held", "expires_at": now + timedelta(hours=1)}
        await leases.replace_one({"_id": relay.LEASE}, held, upsert=True)
        try:
            yield
        finally:
            await leases.delete_one({"_id": relay.LEASE})

    def write(self, key: str, data: bytes, *, counts: bool = True) -> None:
        """Write an object as a plain S3 client; one that `counts` must become a ready version."""
        self.view.s3.put_object(Bucket=self.settings.minio_bucket, Key=key, Body=data)
        if counts:
            self.ledger.objects[key] = sha256_of(data)

    async def violations(self, *, rest_seconds: float = 90) -> list[str]:
        """Run the checker."""
        return await violations(self.view, self.ledger, rest_seconds=rest_seconds)


@asynccontextmanager
async def running_registry(
    servers: Servers, folder: Path, *, patience_seconds: float = 90, **changed: str
) -> AsyncGenerator[Harness]:
    """Prepare a registry without services; at the end its processes are gone, dead or alive.

    Each service has users of its own at the servers: what is repaired after a fault must be within
    its rights as well.
    """
    environment = with_users(
        {
            **isolated(servers.addresses),
            "UPLOAD_SINGLE_PUT_MAX_BYTES": str(MIB),
            "UPLOAD_PART_SIZE_BYTES": str(5 * MIB),
            "REGISTRY_PORT": str(choose_port("ingest", "free", None)),
            **changed,
        }
    )
    harness = Harness(servers, environment, folder)
    async with AsyncExitStack() as stack:
        limits = httpx.Timeout(REQUEST_SECONDS)
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=limits))
        ingest = f"http://{HOST}:{environment['REGISTRY_PORT']}"
        harness.uploader = Uploader(ingest, client, harness.ledger, patience_seconds)
        async with open_operator(provisioning_settings(environment)) as operator:
            await provision(operator)
        harness.view = await stack.enter_async_context(open_view(harness.settings))
        await ensure_topics(harness.settings)
        await kafka_groups.begin_at_the_end(harness.settings)
        try:
            yield harness
        finally:
            for service in harness.services:
                service.close()
