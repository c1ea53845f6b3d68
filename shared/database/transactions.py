"""Transactions that are run again after conflicts: with pauses, in turns, and until a deadline.

The driver's own loop tries for up to 120 seconds, and motor's without any pause.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from time import monotonic
from typing import NoReturn, TypeVar
from weakref import WeakValueDictionary

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from shared.database.collection import Document, Transaction
from shared.database.errors import DatabaseContended, as_unavailable

T = TypeVar("T")
Statements = Callable[[Transaction], Awaitable[T]]
"""What a transaction consists of. It may be run again, so it changes nothing but the database."""
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.5
ABORT_SECONDS = 1.0
_SHORTEST_SECONDS = 0.001
"""PyMongo takes a limit of 0 for none at all."""


class Overtaken(Exception):
    """What the transaction has read is not true any more: it must be run again."""


class Turns:
    """Lets the transactions of this process that change one thing go one after the other.

    It spares them conflicts, in which the slower ones would lose again and again; what is true is
    decided by the database. First come, first served.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._locks)

    def of(self, name: str) -> asyncio.Lock:
        """Return the lock of a name; it is forgotten when nobody holds or awaits it."""
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock


class Deadline:
    """When a transaction is given up, and the pauses until then."""

    def __init__(
        self, seconds: float, tries: int | None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._at = clock() + seconds
        self._tries = tries
        self._failed = 0
        self._conflict: PyMongoError | Overtaken | None = None

    @property
    def left_seconds(self) -> float:
        """How long it is until then; never 0."""
        return max(self._at - self._clock(), _SHORTEST_SECONDS)

    def limit(self) -> AbstractContextManager[None]:
        """Let no operation inside the block go on past the deadline."""
        return pymongo.timeout(self.left_seconds)

    def blame_conflicts(self, error: PyMongoError) -> None:
        """Raise DatabaseContended where conflicts used the time up, and it ended a statement.

        For statements only: nothing was asked to be committed then.
        """
        if error.timeout and self._conflict is not None and self._clock() >= self._at:
            self._give_up(self._conflict)

    async def pause(self, reason: PyMongoError | Overtaken) -> None:
        """Wait at random, for longer each time; raises where that passes the deadline."""
        most = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._failed)
        self._failed += 1
        if isinstance(reason, Overtaken) or isinstance(as_unavailable(reason), DatabaseContended):
            self._conflict = reason
        pause = random.uniform(0, most)  # noqa: S311 - keeps those apart who met, no secret
        if self._failed == self._tries or self._clock() + pause >= self._at:
            self._give_up(reason)
        await asyncio.sleep(pause)

    def _give_up(self, reason: PyMongoError | Overtaken) -> NoReturn:
        unavailable = as_unavailable(reason) if isinstance(reason, PyMongoError) else None
        if unavailable is None or isinstance(unavailable, DatabaseContended):
            tries = f"{self._failed} tries within {self._seconds:g} s"
            raise DatabaseContended(f"{tries}, the last: {reason}") from reason
        raise unavailable from reason


async def run_transaction(
    client: AsyncIOMotorClient[Document],
    statements: Statements[T],
    *,
    seconds: float,
    tries: int | None = None,
    turn: asyncio.Lock | None = None,
) -> T:
    """Run the statements in a snapshot transaction and commit it; again after conflicts.

    It is given up after `seconds`, waiting for the turn and all repetitions included, or after so
    many `tries`. Raises DatabaseContended, and then nothing was changed; DatabaseUnavailable, and
    then it may have been; what the statements raise; the driver's errors that no repetition mends.
    """
    deadline = Deadline(seconds, tries)
    if turn is None:
        return await _run(client, statements, deadline)
    try:
        async with asyncio.timeout(deadline.left_seconds):
            await turn.acquire()
    except TimeoutError:
        raise DatabaseContended(f"no turn within {seconds:g} s") from None
    try:
        return await _run(client, statements, deadline)
    finally:
        turn.release()


async def _run(
    client: AsyncIOMotorClient[Document], statements: Statements[T], deadline: Deadline
) -> T:
    async with await client.start_session() as session:
        while True:
            try:
                return await _attempt(session, statements, deadline)
            except Overtaken as overtaken:
                await deadline.pause(overtaken)
            except PyMongoError as error:
                if not error.has_error_label("TransientTransactionError"):
                    unavailable = as_unavailable(error)
                    if unavailable is None:
                        raise
                    raise unavailable from error
                await deadline.pause(error)


async def _attempt(session: Transaction, statements: Statements[T], deadline: Deadline) -> T:
    session.start_transaction(
        ReadConcern("snapshot"),
        WriteConcern("majority", j=True),
        ReadPreference.PRIMARY,  # whatever the URL says: transactions read nowhere else
    )
    try:
        with deadline.limit():
            result = await statements(session)
    except BaseException as error:
        with pymongo.timeout(ABORT_SECONDS):  # past the deadline too: locks would stay else
            await session.abort_transaction()
        if isinstance(error, PyMongoError):
            deadline.blame_conflicts(error)
        raise
    await _commit(session, deadline)
    return result


async def _commit(session: Transaction, deadline: Deadline) -> None:
    """Commit, and ask again while the result is unknown: a second commit changes nothing."""
    while True:
        try:
            with deadline.limit():
                return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            await deadline.pause(error)
