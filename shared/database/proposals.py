"""Proposed moves of aliases: made, approved, closed, one transaction each.

Each writes the model's counters, as a move does: of two who approve one proposal at once, or of an
approval and a move, one is done anew and finds the other.
"""

from datetime import datetime

from shared.database.alias_moves import Accept, Permit, make_move, read_version
from shared.database.aliases import find_move, last_move
from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.errors import DuplicateKey
from shared.database.models import ModelChange, change_models, read_counters
from shared.database.outbox import put_events
from shared.database.records import read_record
from shared.database.rules import read_effective
from shared.database.transactions import Overtaken
from shared.domain.aliases import UNCONDITIONAL, Condition, Mover, MoveRecord, require_pointing
from shared.domain.errors import Conflict
from shared.domain.events import proposal_event
from shared.domain.proposals import (
    PROPOSAL_LIFE,
    ProposalRecord,
    closed,
    proposal_not_found,
    require_approvable,
    require_room,
    revision_of,
)
from shared.domain.records import VersionRecord, new_id
from shared.domain.repeats import require_same

Place = tuple[str, str]
"""A model and the name of one of its aliases."""


async def propose_move(
    database: Database,
    place: Place,
    number: int | None,
    accept: Accept,
    mover: Mover,
    condition: Condition = UNCONDITIONAL,
) -> ProposalRecord:
    """Propose that an alias point at a version, or with None nowhere, and tell it.

    Where the key made a proposal before, that one is returned. Raises what `accept` raises,
    NotFound for an alias that is not there to be removed, PreconditionFailed, Conflict
    "alias_unchanged" and "too_many_proposals", IdempotencyKeyReused, DatabaseContended and
    DatabaseUnavailable.
    """
    model, alias = place

    async def propose_it(transaction: Transaction) -> ProposalRecord:
        if mover.key is not None and (made := await _made_by(database, mover.key, transaction)):
            require_same(made.request, mover.request)
            return made
        before, now = await last_move(database, model, alias, transaction), await database.now()
        condition.require(before, alias)
        if number is None:
            target = require_pointing(before, model, alias).to_number
        elif before is not None and before.to_number == number:
            detail = f"alias {alias!r} points at version {number} already"
            raise Conflict("alias_unchanged", detail)
        else:
            target = number
        version = await read_version(database, model, target, transaction)
        if number is not None:
            accept(version)
        revision = revision_of(before)
        waiting = await _count_open(database, place, revision, now, transaction)
        require_room(model, alias, waiting)
        sequence = (await read_counters(database, [model], transaction))[model].sequence + 1
        proposal = _made(place, number, version, revision, mover, now, sequence)
        await change_models(database, [ModelChange(model, events=1)], transaction)
        try:
            await database.alias_proposals.insert_one(
                proposal.model_dump(by_alias=True), transaction=transaction
            )
        except DuplicateKey as error:  # the same request made it at this moment
            raise Overtaken(str(error)) from error
        await _tell(database, proposal, version, sequence, transaction)
        return proposal

    return await database.transaction(propose_it, turn=model)


def _made(
    place: Place,
    number: int | None,
    version: VersionRecord,
    revision: int,
    mover: Mover,
    now: datetime,
    sequence: int,
) -> ProposalRecord:
    model, alias = place
    return ProposalRecord(
        id=new_id(),
        model=model,
        alias=alias,
        number=number,
        version_id=version.id,
        alias_revision=revision,
        by=mover.by,
        reason=mover.reason,
        at=now,
        expires_at=now + PROPOSAL_LIFE,
        sequence=sequence,
        key=mover.key,
        request=mover.request,
    )


async def approve_proposal(
    database: Database,
    place: Place,
    proposal_id: str,
    accept: Accept,
    permit: Permit,
    *,
    by: str,
) -> MoveRecord:
    """Make a proposed move, in one transaction with the end of its proposal.

    Who approved it before is answered the move again. Raises NotFound, what `accept` and `permit`
    raise, Denied "own_proposal", Conflict "proposal_stale" and its kin, DatabaseContended and
    DatabaseUnavailable.
    """
    model, alias = place

    async def approve_it(transaction: Transaction) -> MoveRecord:
        proposal = await _required(database, place, proposal_id, transaction)
        if proposal.state == "approved" and proposal.closed_by == by and proposal.revision:
            made = await find_move(database, model, alias, proposal.revision, transaction)
            if made is not None:
                return made
        before, now = await last_move(database, model, alias, transaction), await database.now()
        require_approvable(proposal, by, now, revision_of(before))
        permit(await read_effective(database, model, transaction))
        mover = Mover(by, proposal.reason, proposed_by=proposal.by, proposal=proposal.id)
        move = await make_move(database, place, before, proposal.number, accept, mover, transaction)
        done = {
            "state": "approved",
            "closed_by": by,
            "closed_at": move.at,
            "revision": move.revision,
        }
        await _close(database, proposal, done, transaction)
        return move

    return await database.transaction(approve_it, turn=model)


async def withdraw_proposal(
    database: Database, place: Place, proposal_id: str, *, by: str
) -> ProposalRecord:
    """Withdraw one's own proposal, or reject somebody else's, and tell it; may be repeated.

    Raises NotFound, Conflict "proposal_closed" for one that was approved, DatabaseContended and
    DatabaseUnavailable.
    """
    model = place[0]

    async def withdraw_it(transaction: Transaction) -> ProposalRecord:
        proposal = await _required(database, place, proposal_id, transaction)
        if proposal.state == "approved":
            raise closed(proposal)
        if proposal.state != "open":
            return proposal
        state = "withdrawn" if proposal.by == by else "rejected"
        done = {"state": state, "closed_by": by, "closed_at": await database.now()}
        ended = proposal.model_copy(update=done)
        version = await read_record(database, {"_id": proposal.version_id}, transaction)
        if version is None:
            raise Overtaken(f"the version of proposal {proposal.id} is gone meanwhile")
        sequence = (await read_counters(database, [model], transaction))[model].sequence + 1
        await change_models(database, [ModelChange(model, events=1)], transaction)
        await _close(database, proposal, done, transaction)
        await _tell(database, ended, version, sequence, transaction)
        return ended

    return await database.transaction(withdraw_it, turn=model)


async def list_proposals(
    database: Database, place: Place, *, before: int | None, limit: int
) -> list[ProposalRecord]:
    """Return up to `limit` proposals of an alias, the newest first, told before a sequence."""
    query: Document = {"model": place[0], "alias": place[1]}
    if before is not None:
        query["sequence"] = {"$lt": before}
    found = database.alias_proposals.find(query).sort([("sequence", -1)]).limit(limit)
    return [ProposalRecord.model_validate(each) for each in await found.to_list()]


async def _required(
    database: Database, place: Place, proposal_id: str, transaction: Transaction
) -> ProposalRecord:
    query = {"_id": proposal_id}
    found = await database.alias_proposals.find_one(query, transaction=transaction)
    if found is None or (found["model"], found["alias"]) != place:
        raise proposal_not_found(*place, proposal_id)
    return ProposalRecord.model_validate(found)


async def _made_by(database: Database, key: str, transaction: Transaction) -> ProposalRecord | None:
    found = await database.alias_proposals.find_one({"key": key}, transaction=transaction)
    return ProposalRecord.model_validate(found) if found else None


async def _count_open(
    database: Database, place: Place, revision: int, now: datetime, transaction: Transaction
) -> int:
    """Return how many proposals could be approved now: stale ones wait for nothing."""
    query: Document = {"model": place[0], "alias": place[1], "state": "open"}
    query |= {"alias_revision": revision, "expires_at": {"$gt": now}}
    return await database.alias_proposals.count_documents(query, transaction=transaction)


async def _close(
    database: Database, proposal: ProposalRecord, done: Document, transaction: Transaction
) -> None:
    # By id alone: whoever closes it at the same moment makes this a conflict.
    await database.alias_proposals.update_one(
        {"_id": proposal.id}, {"$set": done}, transaction=transaction
    )


async def _tell(
    database: Database,
    proposal: ProposalRecord,
    version: VersionRecord,
    sequence: int,
    transaction: Transaction,
) -> None:
    event = proposal_event(proposal, version, sequence=sequence, source=database.event_source)
    await put_events(database, [event], transaction)
