"""Proposed moves made anew from what events tell: idempotent, and safe beside live services."""

from collections.abc import Sequence

from pymongo import UpdateOne

from shared.database.bulk import insert_missing, slices
from shared.database.client import Database
from shared.database.collection import Document
from shared.domain.proposals import ProposalRecord

CLOSING = ("state", "closed_by", "closed_at", "revision")


async def restore_proposals(database: Database, proposals: Sequence[ProposalRecord]) -> int:
    """Write the proposals that are not there, and close those that are open there and not here.

    Returns how many were changed; raises DatabaseUnavailable.
    """
    made: list[Document] = []
    ended: list[UpdateOne] = []
    for each in proposals:
        document = each.model_dump(by_alias=True)
        made.append(document)
        if each.state != "open":
            closing = {"$set": {name: document[name] for name in CLOSING}}
            ended.append(UpdateOne({"_id": each.id, "state": "open"}, closing))
    count = await insert_missing(database.alias_proposals, made)
    for together in slices(ended):
        result = await database.alias_proposals.bulk_write(together)
        count += result.modified_count
    return count
