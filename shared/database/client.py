"""The one module that knows motor; PyMongo's async client can replace it here.

Motor is deprecated in favour of PyMongo's async client, so nothing else imports it.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
)
from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.settings import Settings

Document = dict[str, Any]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession
DatabaseError = PyMongoError
DuplicateKey = DuplicateKeyError
Change = UpdateOne | DeleteOne | ReplaceOne[Document]
T = TypeVar("T")
_PORTION = 50


class Database:
    """The registry's collections, and transactions over them."""

    def __init__(self, client: AsyncIOMotorClient[Document], name: str) -> None:
        self._client = client
        # A version is money: acknowledged only once the majority has it in its journal.
        database = client.get_database(name, write_concern=WriteConcern("majority", j=True))
        self.models: Collection = database["models"]
        self.versions: Collection = database["versions"]
        self.handles: Collection = database["handles"]
        self.outbox: Collection = database["outbox"]
        self.storage_groups: Collection = database["storage_groups"]
        self.strays: Collection = database["strays"]

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
        self, collection: Collection, changes: Sequence[Change], session: Session
    ) -> None:
        """Send the changes in one round trip; raises DatabaseError."""
        # motor's stub leaves a parameter of bulk_write untyped.
        await collection.bulk_write(changes, session=session)  # pyright: ignore[reportUnknownMemberType]


def portions(values: Iterable[T]) -> Iterator[list[T]]:
    """Cut values into lists that fit into a query's `$in`.

    SecantusDB compares each document with every value that was asked for.
    """
    rest = list(values)
    for start in range(0, len(rest), _PORTION):
        yield rest[start : start + _PORTION]


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
        client.close()
