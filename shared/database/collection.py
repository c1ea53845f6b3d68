"""Collections as the repositories use them: motor's, with errors that say whether to wait.

Outside a transaction an error that waiting mends is raised as DatabaseUnavailable. Inside one it
passes as it is, since the transaction decides what becomes of it.
"""

from collections.abc import (
    AsyncGenerator,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from motor.motor_asyncio import (
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorCursor,
)
from pymongo import DeleteMany, DeleteOne, IndexModel, ReplaceOne, UpdateMany, UpdateOne
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern
from pymongo.results import BulkWriteResult, DeleteResult, UpdateResult

from shared.database.errors import DuplicateKey, is_duplicate_key, told_errors

Document = dict[str, Any]
Transaction = AsyncIOMotorClientSession
"""What statements belong to; the driver calls it a session."""
Change = UpdateOne | UpdateMany | DeleteOne | DeleteMany | ReplaceOne[Document]
Order = Sequence[tuple[str, int]]
T = TypeVar("T")
PORTION = 100
"""Values of one `$in`.

Each portion is a round trip, inside a transaction too, where it prolongs the time in which others
may conflict. But SecantusDB compares each document with every value: among 20,000 documents 1,200
keys took 157 ms by 50, 204 ms by 100, 316 ms by 200 and 789 ms by 500.
"""


@contextmanager
def _answered(transaction: Transaction | None) -> Generator[None]:
    if transaction is not None:
        yield
        return
    with told_errors():
        yield


class Cursor:
    """The documents that a query finds."""

    def __init__(
        self, cursor: AsyncIOMotorCursor[Document], transaction: Transaction | None
    ) -> None:
        self._cursor = cursor
        self._transaction = transaction

    def sort(self, order: Order) -> Self:
        """Sort by fields: 1 upwards, -1 downwards."""
        self._cursor.sort(list(order))
        return self

    def limit(self, count: int) -> Self:
        """Find at most so many, in one answer where that is small enough."""
        self._cursor.limit(count)
        self._cursor.batch_size(count)
        return self

    def in_batches_of(self, count: int) -> Self:
        """Have so many in one answer: what bounds the memory of those that are read one by one."""
        self._cursor.batch_size(count)
        return self

    async def to_list(self) -> list[Document]:
        """Return all that is found."""
        with _answered(self._transaction):
            return await self._cursor.to_list(None)

    async def __aiter__(self) -> AsyncGenerator[Document]:
        """Yield one document after the other."""
        try:
            with _answered(self._transaction):
                async for found in self._cursor:
                    yield found
        finally:
            await self._cursor.close()


class Collection:
    """One collection. Every method raises DatabaseUnavailable outside of a transaction."""

    def __init__(self, collection: AsyncIOMotorCollection[Document]) -> None:
        self.driver = collection
        """The driver's own, for what this class does not offer."""

    @property
    def name(self) -> str:
        """The collection's name."""
        return self.driver.name

    def at_one_moment(self) -> "Collection":
        """Return the collection with each of its queries reading one snapshot."""
        options: Any = {"read_concern": ReadConcern("snapshot")}
        return Collection(self.driver.with_options(**options))  # pyright: ignore[reportUnknownMemberType]

    def find(
        self,
        query: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
        *,
        transaction: Transaction | None = None,
    ) -> Cursor:
        """Return what matches; nothing is asked for before it is read."""
        return Cursor(self.driver.find(query, fields, session=transaction), transaction)

    async def find_one(
        self,
        query: Mapping[str, Any],
        fields: Mapping[str, Any] | None = None,
        *,
        sort: Order | None = None,
        transaction: Transaction | None = None,
    ) -> Document | None:
        """Return the first that matches."""
        with _answered(transaction):
            return await self.driver.find_one(query, fields, sort=sort, session=transaction)

    async def count_documents(
        self, query: Mapping[str, Any], *, transaction: Transaction | None = None
    ) -> int:
        """Return how many match."""
        with _answered(transaction):
            return await self.driver.count_documents(query, session=transaction)

    async def insert_one(
        self, document: Document, *, transaction: Transaction | None = None
    ) -> None:
        """Write a new document; raises DuplicateKey."""
        with _answered(transaction):
            await self.driver.insert_one(document, session=transaction)

    async def insert_many(
        self, documents: Iterable[Document], *, transaction: Transaction | None = None
    ) -> None:
        """Write new documents, in order."""
        with _answered(transaction):
            await self.driver.insert_many(documents, session=transaction)

    async def update_one(
        self,
        query: Mapping[str, Any],
        change: Mapping[str, Any],
        *,
        upsert: bool = False,
        transaction: Transaction | None = None,
    ) -> UpdateResult:
        """Change the document that matches; raises DuplicateKey."""
        with _answered(transaction):
            return await self.driver.update_one(query, change, upsert=upsert, session=transaction)

    async def replace_one(
        self,
        query: Mapping[str, Any],
        document: Document,
        *,
        upsert: bool = False,
        transaction: Transaction | None = None,
    ) -> UpdateResult:
        """Write a document in place of the one that matches; raises DuplicateKey."""
        with _answered(transaction):
            return await self.driver.replace_one(
                query, document, upsert=upsert, session=transaction
            )

    async def delete_one(self, query: Mapping[str, Any]) -> DeleteResult:
        """Remove the document that matches."""
        with _answered(None):
            return await self.driver.delete_one(query)

    async def bulk_write(
        self, changes: Sequence[Change], *, transaction: Transaction | None = None
    ) -> BulkWriteResult:
        """Send the changes in one round trip, in order; raises DuplicateKey."""
        with _answered(transaction):
            try:
                # motor's stub leaves a parameter untyped.
                return await self.driver.bulk_write(changes, session=transaction)  # pyright: ignore[reportUnknownMemberType]
            except BulkWriteError as error:
                if is_duplicate_key(error):
                    raise DuplicateKey(str(error), error.code, error.details) from error
                raise

    async def create_indexes(self, indexes: Sequence[IndexModel]) -> None:
        """Build those that are not there."""
        with _answered(None):
            await self.driver.create_indexes(list(indexes))


def portions(values: Iterable[T]) -> Iterator[list[T]]:
    """Cut values into lists that fit into a query's `$in`."""
    rest = list(values)
    for start in range(0, len(rest), PORTION):
        yield rest[start : start + PORTION]


async def find_each(
    collection: Collection,
    field: str,
    values: Iterable[str],
    transaction: Transaction | None = None,
    *,
    fields: Mapping[str, Any] | None = None,
) -> AsyncGenerator[Document]:
    """Yield the documents whose field has one of the values, or these fields of them."""
    for portion in portions(values):
        query = collection.find({field: {"$in": portion}}, fields, transaction=transaction)
        for found in await query.to_list():
            yield found
