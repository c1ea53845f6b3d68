"""The client, its collections, and the server's clock.

Motor is deprecated in favour of PyMongo's async client: this module, `collection` and
`transactions` are all that knows it.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from shared.database.collection import Collection, Document
from shared.database.errors import told_errors
from shared.database.pool_use import PoolUse
from shared.database.transactions import Statements, Turns, run_transaction
from shared.domain.events import DEFAULT_SOURCE
from shared.runtime.settings import Settings
from shared.runtime.telemetry.metrics import Metrics

T = TypeVar("T")
_CLOCK_SECONDS = 60.0
_CLOSE_SECONDS = 1.0


class Database:
    """The registry's collections, and transactions over them."""

    def __init__(
        self,
        client: AsyncIOMotorClient[Document],
        name: str,
        transaction_seconds: float,
        event_source: str = DEFAULT_SOURCE,
    ) -> None:
        self.event_source = event_source
        """Whom the events that are recorded here come from."""
        self.name = name
        self._client = client
        self._transaction_seconds = transaction_seconds
        self._clock: tuple[float, datetime] | None = None
        self._turns = Turns()
        # What the URL asks for does not count here: a secondary may not have yet what was
        # acknowledged, and the reconciler would take an object for one of no version. A version is
        # acknowledged only once the majority has it in its journal.
        database = client.get_database(
            name,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", j=True),
        )
        self.models = Collection(database["models"])
        self.versions = Collection(database["versions"])
        self.handles = Collection(database["handles"])
        self.aliases = Collection(database["aliases"])
        self.alias_history = Collection(database["alias_history"])
        self.edits = Collection(database["edits"])
        self.unchanged = Collection(database["unchanged"])
        self.alias_proposals = Collection(database["alias_proposals"])
        self.rules = Collection(database["rules"])
        self.edges = Collection(database["edges"])
        self.staged = Collection(database["staged"])
        self.part_digests = Collection(database["part_digests"])
        self.outbox = Collection(database["outbox"])
        self.storage_groups = Collection(database["storage_groups"])
        self.strays = Collection(database["strays"])
        self.found_folders = Collection(database["found_folders"])
        self.leases = Collection(database["leases"])
        self.reports = Collection(database["reports"])
        self.tokens = Collection(database["tokens"])
        self.browser_sessions = Collection(database["browser_sessions"])
        self.audit = Collection(database["audit"])
        self.subscriptions = Collection(database["subscriptions"])
        self.webhook_secrets = Collection(database["webhook_secrets"])
        self.deliveries = Collection(database["deliveries"])
        self.delivery_queues = Collection(database["delivery_queues"])

    async def now(self) -> datetime:
        """Return the server's time, so that leases hold between machines whose clocks differ.

        It is asked for once a minute, and follows this machine's monotonic clock between.
        """
        if self._clock is None or monotonic() - self._clock[0] > _CLOCK_SECONDS:
            asked = monotonic()
            with told_errors():
                answer = await self._client.admin.command("hello")
            local: datetime = answer["localTime"]
            told_at = (asked + monotonic()) / 2
            self._clock = (told_at, local if local.tzinfo else local.replace(tzinfo=UTC))
        at, told = self._clock
        now = told + timedelta(seconds=monotonic() - at)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def ping(self) -> None:
        """Return once the primary has let us read; raises DatabaseUnavailable."""
        # Not the command of this name: a server answers that to whom it lets do nothing else.
        await self.models.find_one({"_id": ""}, {"_id": 1})

    async def command(self, of: str, command: Mapping[str, object]) -> Document:
        """Run a command on a database of the server; raises the driver's errors."""
        return await self._client.get_database(of).command(dict(command))

    async def transaction(
        self, statements: Statements[T], *, tries: int | None = None, turn: str | None = None
    ) -> T:
        """Run the statements in a snapshot transaction; they are run again after a conflict.

        With `turn`, those of this process with the same one go one after the other. With `tries`,
        it is given up after so many conflicts. Raises DatabaseContended, when nothing was changed,
        and DatabaseUnavailable, when it may have been.
        """
        with told_errors():
            return await run_transaction(
                self._client,
                statements,
                seconds=self._transaction_seconds,
                tries=tries,
                turn=self._turns.of(turn) if turn is not None else None,
            )


def limit_operations(seconds: float) -> AbstractContextManager[None]:
    """Let no operation inside the block take longer than this, whatever the settings say."""
    return pymongo.timeout(seconds)


@asynccontextmanager
async def open_database(
    settings: Settings, metrics: Metrics | None = None
) -> AsyncGenerator[Database]:
    """Open the client, which connects on first use, and close it at the end.

    How its connections are used is among the metrics, where there are any.
    """
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        settings.mongodb_url.get_secret_value(),
        appname="model-registry",
        tz_aware=True,
        # What is safe to repeat, the driver repeats by itself. The URL may say retryWrites=false,
        # for a server that refuses such writes; then whoever asked repeats them, as after a crash.
        retryReads=True,
        # One limit for everything: selection, connecting, each operation, each retry of it.
        timeoutMS=int(settings.mongodb_timeout_seconds * 1000),
        event_listeners=[PoolUse(metrics.registry)] if metrics else [],
        **_tls_options(settings),
    )
    try:
        yield Database(
            client,
            settings.mongodb_db,
            settings.mongodb_transaction_seconds,
            settings.event_source,
        )
    finally:
        with limit_operations(_CLOSE_SECONDS):  # it tells the server, which may be away
            client.close()


def _tls_options(settings: Settings) -> dict[str, Any]:
    """Return what the settings say of TLS; each of them turns it on, and wins over the URL."""
    options: dict[str, Any] = {}
    if settings.mongodb_ca_file:
        options["tlsCAFile"] = settings.mongodb_ca_file
    if settings.mongodb_client_cert_file:
        options["tlsCertificateKeyFile"] = settings.mongodb_client_cert_file
    return {"tls": True, **options} if options else {}
