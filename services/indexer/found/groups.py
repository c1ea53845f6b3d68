"""Found folders only become versions in buckets that are storage groups, to the last moment.

An operator may let a group go while its folders wait or are adopted. They mark it, take its folders
from whoever adopts them, and then look for versions: so a transaction that opens one has either
committed by then, or sees the mark, or has lost its folder.
"""

from collections.abc import Sequence
from datetime import timedelta

from services.indexer.context import Context
from services.indexer.found.recording import settling_of
from shared.database.collection import Transaction
from shared.database.found_folders import finish_folders, give_back_folders
from shared.database.leases import LeaseLost
from shared.database.storage_groups import READY, states_of
from shared.domain.found_folders import FoundFolder

GOING_PAUSE = timedelta(seconds=60)
"""How long a folder waits for what becomes of its group."""


async def leave_others(
    folders: Sequence[FoundFolder], token: str, context: Context
) -> list[FoundFolder]:
    """Return the folders that lie in storage groups; those of no group leave the queue.

    Where a group is being let go, they wait: an operator may still keep it.
    """
    states = await states_of(context.database, {folder.bucket for folder in folders})
    ours = [folder for folder in folders if states.get(folder.bucket) == READY]
    gone = [folder for folder in folders if folder.bucket not in states]
    going = [folder for folder in folders if states.get(folder.bucket, READY) != READY]
    await finish_folders(context.database, gone, token, settling_of(context.settings))
    if going:
        await give_back_folders(context.database, going, token, GOING_PAUSE)
    return ours


async def hold_groups(
    folders: Sequence[FoundFolder], context: Context, transaction: Transaction
) -> None:
    """Raise LeaseLost where one of the folders lies in no storage group at this moment."""
    buckets = {folder.bucket for folder in folders}
    states = await states_of(context.database, buckets, transaction)
    if any(states.get(bucket) != READY for bucket in buckets):
        raise LeaseLost(f"the storage group of {len(folders)} found folders")
