"""Uploads, copies, deletions, restores and rules at random, with processes killed at random.

At rest the bucket holds exactly what the records reach: no version lacks bytes, and none are left.
"""

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from local.processes.ports import HOST, choose_port
from registry import AsyncModelRegistryClient
from registry.errors import ConflictError, NotFoundError, RegistryError, UnavailableError
from shared.domain.records import utc_now
from shared.domain.sessions import OPEN_VERSION
from tests.faults.harness import kafka_groups
from tests.faults.harness.checker import unrest
from tests.faults.harness.collection_checks import collection_violations
from tests.faults.harness.committer import Committer, GivenUp
from tests.faults.harness.event_checks import event_violations
from tests.faults.harness.object_checks import object_violations
from tests.faults.harness.outages import Servers
from tests.faults.harness.processes import Service
from tests.faults.harness.running_registry import Harness, running_registry
from tests.faults.harness.waiting import until_true
from tests.support.access import ADMIN_TOKEN
from tests.support.api import MIB

log = logging.getLogger(__name__)

pytestmark = pytest.mark.servers

STEPS = int(os.environ.get("COLLECTION_STEPS", "150"))
"""Of 10,000 the pauses should be longer, so that most of the time is not spent waiting."""
ACTORS = 6
MODELS = 5
BOUNDARIES = (
    *("before_purge", "after_purge_began", "after_removal", "after_manifest_removal"),
    *("after_purge", "after_verification", "after_transaction"),
)
RECENT = 50
"""Versions of which most are not purged yet."""
GUEST_SECONDS = 5.0
PAUSE_SECONDS = (2.0, float(os.environ.get("COLLECTION_PAUSE", "10")))
"""Between two faults: a transaction that is left open holds up others for as long as 20 s."""


@pytest.fixture
async def registry(servers: Servers, tmp_path: Path) -> AsyncIterator[Harness]:
    """A registry whose deleted versions are purged after some seconds."""
    async with running_registry(
        servers,
        tmp_path,
        QUERY_PORT=str(choose_port("query", "free", None)),
        DOWNLOAD_URL_TTL_SECONDS="3",
        UPLOAD_URL_TTL_SECONDS="3",
        DELETION_RETENTION_SECONDS="4",
        RECONCILE_INTERVAL_SECONDS="5",
        RETENTION_INTERVAL_SECONDS="5",
    ) as harness:
        yield harness


class Storm:
    """Does one thing after the other that changes what is stored; `counts` says how often."""

    def __init__(
        self, registry: Harness, client: AsyncModelRegistryClient, folder: Path, seed: int
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._client, self._folder = client, folder
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._models = [f"{registry.model}-{number}" for number in range(MODELS)]
        # Few contents, so that many files are alike; some are sent in parts.
        self._contents = [os.urandom(size) for size in (100, 200, 300, 400, MIB + 7, 6 * MIB)]
        self._known: list[tuple[str, int]] = []
        self._storage = httpx.AsyncClient(trust_env=False, timeout=30)
        self._committer = Committer(f"http://{HOST}:{registry.settings.registry_port}")
        self._kinds: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self._upload, self._upload, self._upload_folder, self._copy),
            *(self._delete, self._delete, self._restore, self._give_up, self._hold),
            *(self._set_rule, self._apply_rule, self._commit, self._commit),
        )

    async def run(self, steps: int) -> None:
        """Do so many steps, several at once."""
        left = iter(range(steps))

        async def act() -> None:
            for _ in left:
                await self._step()

        async with self._storage, asyncio.TaskGroup() as group:
            for _ in range(ACTORS):
                group.create_task(act())
        await self._committer.close()

    async def _step(self) -> None:
        kind = self._random.choice(self._kinds)
        name = kind.__name__.strip("_")
        try:
            await kind()
        except (ConflictError, NotFoundError) as error:
            self.counts[f"{name}: {error.code}"] += 1
        except (UnavailableError, GivenUp):
            self.counts[f"{name}: given up"] += 1
        except RegistryError as error:
            self.wrong.append(f"{name}: {type(error).__name__}: {error}")
        else:
            self.counts[name] += 1

    async def _upload(self) -> None:
        model, data = self._random.choice(self._models), self._random.choice(self._contents)
        await self._uploaded(model, data)

    async def _upload_folder(self) -> None:
        folder = self._folder / uuid4().hex
        folder.mkdir()
        for path, data in zip(("a", "b"), self._random.sample(self._contents, 2), strict=True):
            (folder / path).write_bytes(data)
        await self._uploaded(self._random.choice(self._models), folder)

    async def _uploaded(self, model: str, source: bytes | Path) -> None:
        key = uuid4().hex
        version = await self._client.upload(model, source, path="m", idempotency_key=key)
        self.counts["shared"] += sum(each.location is not None for each in version.artifacts)
        self._known.append((model, version.number))

    async def _commit(self) -> None:
        """Commit bytes as a Hugging Face client does, or only send them."""
        model, data = self._random.choice(self._models), self._random.choice(self._contents)
        if self._random.random() < 0.5:
            data = os.urandom(len(data))  # nobody has it yet
        await self._committer.stage(model, data)
        if self._random.random() < 0.3:
            self.counts["staged and left"] += 1
            return
        paths = self._random.sample(("x", "y", "z"), self._random.randint(1, 3))
        version_id = await self._committer.commit(model, dict.fromkeys(paths, data))
        version = await self._client.get_version_by_id(version_id)
        self._known.append((model, version.number))

    async def _copy(self) -> None:
        model, number = self._any()
        target = self._random.choice(self._models)
        version = await self._client.copy_version(model, number, target)
        self._known.append((target, version.number))

    async def _delete(self) -> None:
        model, number = self._any()
        signed = (await self._client.get_downloads(model, number)).files[0]
        version = await self._client.delete_version(model, number)
        answer = await self._storage.get(signed.url)
        is_over = answer.status_code == 403  # by the URL's own end, where services were away
        if version.state == "deleted" and not answer.is_success and not is_over:
            self.wrong.append(f"a signed URL of {model}/{number} gave {answer.status_code}")

    async def _restore(self) -> None:
        await self._client.restore_version(*self._any())

    async def _hold(self) -> None:
        model, number = self._any()
        await self._client.hold_version(model, number)
        await asyncio.sleep(self._random.uniform(0, 1))
        await self._client.release_version(model, number)

    async def _give_up(self) -> None:
        data = self._random.choice(self._contents)
        session = await self._client.declare_upload(
            self._random.choice(self._models), data, path="m.bin"
        )
        plan = session.files[0]
        if plan.put is not None:
            await self._storage.put(plan.put.url, content=data, headers=plan.put.headers)
        await self._client.abort_upload(session.upload_id)

    async def _set_rule(self) -> None:
        kept = {"keep_last_ready": self._random.randint(5, 40), "keep_with_tags": ["keep"]}
        await self._client.set_rules(self._random.choice(self._models), {"retention": kept})

    async def _apply_rule(self) -> None:
        report = await self._client.evaluate_retention(
            self._random.choice(self._models), apply=True
        )
        self.counts["removed by a rule"] += report.removed

    def _any(self) -> tuple[str, int]:
        if not self._known:
            raise NotFoundError("nothing is there yet", code="nothing_yet", status=404)
        # Of old ones most are purged: half of the time a new one is chosen.
        return self._random.choice(
            self._known[-RECENT:] if self._random.random() < 0.5 else self._known
        )


class Killer:
    """Kills ingest and indexers at random, and at the boundaries of a purge."""

    def __init__(self, registry: Harness, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._registry = registry
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._ingest: Service
        self._indexer: Service

    async def start(self) -> None:
        self._ingest, self._indexer = await self._registry.start_both()
        await self._registry.start("query")

    async def run(self, over: asyncio.Event) -> None:
        """Do one fault after the other until `over`."""
        while not over.is_set():
            what = self._random.choice(("ingest", "indexer", "guest", "guest"))
            self.counts[what] += 1
            if what == "ingest":
                self._ingest.kill()
                self._ingest = await self._registry.restart(self._ingest)
            elif what == "indexer":
                self._indexer.kill()
                self._indexer = await self._registry.restart(self._indexer)
            else:
                await self._guest()
            await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))

    async def _guest(self) -> None:
        """Have another indexer that kills itself where it is worst, if it comes to it."""
        boundary, call = self._random.choice(BOUNDARIES), self._random.randint(1, 3)
        guest = self._registry.launch("indexer", f"crash:{boundary}@{call}")
        try:
            await guest.ended(GUEST_SECONDS)
        except TimeoutError:
            await guest.end()
        guest.close()


async def test_the_bucket_holds_exactly_what_the_records_reach(
    registry: Harness, tmp_path: Path
) -> None:
    seed = int(os.environ.get("COLLECTION_SEED", "1"))
    killer, over = Killer(registry, seed), asyncio.Event()
    await killer.start()
    settings = registry.settings
    base = f"http://{HOST}:{settings.registry_port}"
    origins = (settings.ingest_url, settings.query_url)
    async with (
        AsyncModelRegistryClient(base, token=ADMIN_TOKEN, origins=origins) as client,
        asyncio.TaskGroup() as group,
    ):
        storm = Storm(registry, client, tmp_path, seed)
        killing = group.create_task(killer.run(over))
        await storm.run(STEPS)
        over.set()
        await killing
    log.info("steps: %s; faults: %s", dict(storm.counts), dict(killer.counts))
    assert storm.wrong == []
    assert await at_rest(registry) == []
    assert storm.counts["shared"] > 0
    assert storm.counts["commit"] > 0


async def at_rest(registry: Harness) -> list[str]:
    """Return what is wrong once every deleted version is purged and nothing is left to do."""
    view = registry.view
    staged = await view.database.staged.find().to_list()
    await view.database.staged.driver.update_many({}, {"$set": {"expires_at": utc_now()}})
    given_up = {"session.state": "open", "state": {"$in": list(OPEN_VERSION)}}
    over = {"$set": {"session.expires_at": utc_now()}}
    await view.database.versions.driver.update_many(given_up, over)

    async def is_done() -> bool:
        if await view.database.staged.count_documents({}):
            return False
        if await view.count(state={"$in": list(OPEN_VERSION)}):
            return False
        waiting = await view.count(state="deleted", hold=None, **{"deletion.purged_at": None})
        return not waiting and not await view.count(work={"$ne": None})

    await until_true("deleted versions are purged", is_done, 120)
    found = ["nothing was looked at"]

    async def is_right() -> bool:
        nonlocal found
        found = await collection_violations(view)
        return not found

    try:
        await until_true("nothing is left that nobody reaches", is_right, 60)
    except TimeoutError:
        return found
    found = await unrest(view, registry.ledger, 60)
    for each in staged:
        async for page in view.storage.multipart.open_uploads(each["bucket"], prefix=each["key"]):
            found += [f"parts of {part.key} are left" for part in page if part.key == each["key"]]
    versions = await view.versions()
    events = await kafka_groups.read_all(view.settings, view.settings.kafka_model_events_topic)
    found += event_violations(versions, events)
    return found + await object_violations(view, versions, registry.ledger)
