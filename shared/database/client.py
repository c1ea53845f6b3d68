"""The one module that knows motor; PyMongo's async client can replace it here.

Motor is deprecated in favour of PyMongo's async client, so nothing else imports it.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, TypeVar

import pymongo
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo import DeleteMany, DeleteOne, ReplaceOne, UpdateOne
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.runtime.settings import Settings

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession
DatabaseError = PyMongoError
DuplicateKey = DuplicateKeyError
Change = UpdateOne | DeleteOne | DeleteMany | ReplaceOne[Document]
T = TypeVar("T")
PORTION = 50
_CLOCK_SECONDS = 60.0
_CLOSE_SECONDS = 1.0


class Database:
    """The registry's collections, and transactions over them."""

    def __init__(self, client: AsyncIOMotorClient[Document], name: str) -> None:
        self._client = client
        self._clock: tuple[float, datetime] | None = None
        # A version is money: acknowledged only once the majority has it in its journal.
        database = client.get_database(name, write_concern=WriteConcern("majority", j=True))
        self.models: Collection = database["models"]
        self.versions: Collection = database["versions"]
        self.handles: Collection = database["handles"]
        self.part_digests: Collection = database["part_digests"]
        self.outbox: Collection = database["outbox"]
        self.storage_groups: Collection = database["storage_groups"]
        self.strays: Collection = database["strays"]
        self.leases: Collection = database["leases"]
        self.reports: Collection = database["reports"]

    async def now(self) -> datetime:
        """Return the server's time, so that leases hold between machines whose clocks differ.

        It is asked for once a minute, and follows this machine's monotonic clock between.
        """
        if self._clock is None or monotonic() - self._clock[0] > _CLOCK_SECONDS:
            asked = monotonic()
            answer = await self._client.admin.command("hello")
            local: datetime = answer["localTime"]
            told_at = (asked + monotonic()) / 2
            self._clock = (told_at, local if local.tzinfo else local.replace(tzinfo=UTC))
        at, told = self._clock
        now = told + timedelta(seconds=monotonic() - at)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def ping(self) -> None:
        """Return once the server has answered; raises DatabaseError."""
        await self._client.admin.command("ping")

    async def transaction(self, work: Callable[..., Coroutine[Any, Any, T]]) -> T:
        """Run `work` in a snapshot transaction; it is run again after a write conflict.

        `work` therefore changes nothing but the database. Raises DatabaseError.
        """
        async with await self._client.start_session() as session:
            result: T = await session.with_transaction(
                work,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority", j=True),
            )
            return result

    async def bulk_write(
        self, collection: Collection, changes: Sequence[Change], session: Session | None = None
    ) -> None:
        """Send the changes in one round trip; raises DatabaseError."""
        # motor's stub leaves a parameter of bulk_write untyped.
        await collection.bulk_write(changes, session=session)  # pyright: ignore[reportUnknownMemberType]


def limit_operations(seconds: float) -> AbstractContextManager[None]:
    """Let no operation inside the block take longer than this, whatever the settings say."""
    return pymongo.timeout(seconds)


def portions(values: Iterable[T]) -> Iterator[list[T]]:
    """Cut values into lists that fit into a query's `$in`.

    SecantusDB compares each document with every value that was asked for.
    """
    rest = list(values)
    for start in range(0, len(rest), PORTION):
        yield rest[start : start + PORTION]


async def find_each(
    collection: Collection, field: str, values: Iterable[str], session: Session | None = None
) -> AsyncGenerator[Document]:
    """Yield the documents whose field has one of the values; raises DatabaseError."""
    for portion in portions(values):
        query = collection.find({field: {"$in": portion}}, session=session)
        for found in await query.to_list(None):
            yield found


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator[Database]:
    """Open the client, which connects on first use, and close it at the end."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        settings.mongodb_url.get_secret_value(),
        appname="model-registry",
        tz_aware=True,
        # One limit for everything: selection, connecting, each operation, each retry of it.
        timeoutMS=int(settings.mongodb_timeout_seconds * 1000),
    )
    try:
        yield Database(client, settings.mongodb_db)
    finally:
        with limit_operations(_CLOSE_SECONDS):  # it tells the server, which may be away
            client.close()
