"""Complete and abort at the same moment: one of them wins, and both are told the same."""

import asyncio
import os
from collections import Counter

import httpx

from registry.schemas import UploadSession
from tests.support.api import MIB, Api, file_of
from tests.support.problems import problem
from tests.support.system import System

RACES = int(os.environ.get("SESSION_RACES", "80"))
AT_ONCE = 6
DATA = os.urandom(MIB + 1)
"""Sent as a multipart upload of one part: there is something to join, and to remove."""


async def raced(api: Api, model: str, number: int) -> tuple[UploadSession, str]:
    """Race one session's two ends; returns who won, after what both were told was checked."""
    session = await api.open(model, file_of("b.bin", DATA))
    await api.put_parts(session, "b.bin", {1: DATA})

    async def abort() -> httpx.Response:
        return await api.ingest.delete(f"/v1/uploads/{session.upload_id}")

    if number % 2:
        completed, aborted = await asyncio.gather(api.complete(session), abort())
    else:
        aborted, completed = await asyncio.gather(abort(), api.complete(session))
    if aborted.status_code == 204:
        problem(completed, 409, "upload_aborted")
        return session, "aborted"
    problem(aborted, 409, "upload_completed")
    assert completed.status_code == 200, completed.text
    assert completed.json()["state"] == "completed"
    return session, "completed"


async def test_of_many_races_each_has_exactly_one_winner(
    api: Api, system: System, model: str
) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> str:
        async with slots:
            session, winner = await raced(api, model, number)
            version = await api.version(model, session.number, wait=30)
            assert version.state == ("ready" if winner == "completed" else "rejected")
            assert (await api.session(session)).state == winner
            return winner

    winners = Counter(await asyncio.gather(*(one(number) for number in range(RACES))))
    left = await system.footprint(model)
    assert left.multipart_uploads == 0
    assert left.objects == winners["completed"]
