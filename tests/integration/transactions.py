"""A transaction that is run again in time: a prototype over motor's sessions.

The driver's own `with_transaction` tries for up to 120 seconds, in motor without any pause.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, TypeVar

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

T = TypeVar("T")
Session = AsyncIOMotorClientSession
Work = Callable[[Session], Awaitable[T]]

FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.5
_ABORT_SECONDS = 1.0
_SHORTEST_SECONDS = 0.001
"""PyMongo takes a limit of 0 for none at all."""


class TransactionTimeout(PyMongoError):
    """No attempt was committed before the deadline; nothing was changed."""


class CommitUnknown(PyMongoError):
    """The deadline came before the server said whether it had committed: look before you repeat."""


class Deadline:
    """The moment at which a transaction is given up, and the pauses until then."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = monotonic() + seconds
        self._pauses = 0

    def limit(self) -> AbstractContextManager[None]:
        """Let no operation inside the block go on past the deadline."""
        return pymongo.timeout(max(self._at - monotonic(), _SHORTEST_SECONDS))

    async def pause(self, kind: type[PyMongoError], reason: PyMongoError) -> None:
        """Wait at random, for longer each time; raises `kind` where that passes the deadline."""
        most = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._pauses)
        self._pauses += 1
        pause = random.uniform(0, most)  # noqa: S311 - keeps those apart who met, no secret
        if monotonic() + pause >= self._at:
            tries = f"{self._pauses} tries in {self._seconds:g} s"
            raise kind(f"{tries}, the last: {reason}") from reason
        await asyncio.sleep(pause)


async def run_transaction(client: AsyncIOMotorClient[Any], work: Work[T], *, seconds: float) -> T:
    """Run `work` in a snapshot transaction and commit it, again after conflicts.

    `work` therefore changes nothing but the database, and lets its database errors out. Ends
    within `seconds` and the time of one abort. Raises TransactionTimeout, CommitUnknown, whatever
    `work` raises, or PyMongoError for what no repetition mends.
    """
    deadline = Deadline(seconds)
    async with await client.start_session() as session:
        while True:
            try:
                return await _attempt(session, work, deadline)
            except PyMongoError as error:
                if not error.has_error_label("TransientTransactionError"):
                    raise
                await deadline.pause(TransactionTimeout, error)


async def _attempt(session: Session, work: Work[T], deadline: Deadline) -> T:
    session.start_transaction(
        ReadConcern("snapshot"),
        WriteConcern("majority", j=True),
        ReadPreference.PRIMARY,  # whatever the URL says: transactions read nowhere else
    )
    try:
        with deadline.limit():
            result = await work(session)
    except BaseException:
        with pymongo.timeout(_ABORT_SECONDS):  # past the deadline too: locks would stay else
            await session.abort_transaction()
        raise
    await _commit(session, deadline)
    return result


async def _commit(session: Session, deadline: Deadline) -> None:
    """Commit, and ask again while the result is unknown: a second commit changes nothing."""
    while True:
        try:
            with deadline.limit():
                return await session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult"):
                raise
            await deadline.pause(CommitUnknown, error)
