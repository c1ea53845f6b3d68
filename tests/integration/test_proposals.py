"""Proposed moves of aliases: approved once, by somebody else, where the alias still is."""

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import dataclass, field

import pytest

from registry.schemas import ModelEvent
from services.admin.rebuild.aliases import moves_of
from services.admin.rebuild.proposals import Closings, proposals_of
from shared.database.alias_moves import move_alias
from shared.database.aliases import find_alias, list_moves
from shared.database.client import Database
from shared.database.lifecycle import mark_missing, settle
from shared.database.opening import open_version
from shared.database.proposals import (
    approve_proposal,
    list_proposals,
    propose_move,
    withdraw_proposal,
)
from shared.database.recovery.proposals import restore_proposals
from shared.database.versions import Versions
from shared.domain.aliases import Condition, Mover, MoveRecord, require_ready
from shared.domain.errors import Conflict, Denied, NotFound, RegistryError
from shared.domain.proposals import MAX_OPEN, ProposalRecord
from shared.domain.records import new_id, utc_now
from tests.integration.drafts import draft, pending_events, verified

ALIAS = "production"
APPROVERS = 6
STEPS = 200
SEED = 11


@pytest.fixture
async def model(database: Database) -> str:
    name = f"model-{new_id()[:12]}"
    for _ in range(3):
        await settle(database, [verified(await open_version(database, draft(name)))])
    return name


async def proposed(
    database: Database, model: str, number: int | None, by: str = "ann", key: str | None = None
) -> ProposalRecord:
    place = (model, ALIAS)
    return await propose_move(database, place, number, require_ready, Mover(by, "better", key))


async def approved(
    database: Database, model: str, proposal: ProposalRecord, by: str = "bob"
) -> MoveRecord:
    return await approve_proposal(
        database, (model, ALIAS), proposal.id, require_ready, lambda _: None, by=by
    )


async def moved(database: Database, model: str, number: int | None, by: str = "cat") -> MoveRecord:
    return await move_alias(database, model, ALIAS, lambda _: number, require_ready, Mover(by, ""))


async def code_of(call: Awaitable[object]) -> str:
    """The code that a call is refused with; empty where it is done."""
    try:
        await call
    except RegistryError as error:
        return error.code
    return ""


async def test_somebody_else_approves_it_and_the_history_names_both(
    database: Database, model: str
) -> None:
    proposal = await proposed(database, model, 2)
    assert await find_alias(database, model, ALIAS) is None, "nothing moves yet"
    with pytest.raises(Denied, match="is your own") as caught:
        await approved(database, model, proposal, by="ann")
    assert (caught.value.status, caught.value.code) == (403, "own_proposal")
    move = await approved(database, model, proposal)
    assert (move.by, move.proposed_by, move.proposal) == ("bob", "ann", proposal.id)
    assert (move.to_number, move.reason) == (2, "better")
    assert await list_moves(database, model, ALIAS, before=None, limit=9) == [move]
    found = await Versions(database).by_alias(model, ALIAS)
    assert found is not None
    assert found.number == 2
    [listed] = await list_proposals(database, (model, ALIAS), before=None, limit=9)
    assert (listed.state, listed.closed_by, listed.revision) == ("approved", "bob", 1)
    assert await approved(database, model, proposal) == move, "the answer may have been lost"
    assert await code_of(approved(database, model, proposal, by="cat")) == "proposal_closed"


async def test_of_many_who_approve_at_once_one_does(database: Database, model: str) -> None:
    proposal = await proposed(database, model, 1)
    results = await asyncio.gather(
        *(approved(database, model, proposal, by=f"n{n}") for n in range(APPROVERS)),
        return_exceptions=True,
    )
    [move] = [each for each in results if isinstance(each, MoveRecord)]
    refused = [each.code for each in results if isinstance(each, Conflict)]
    assert refused == ["proposal_closed"] * (APPROVERS - 1)
    assert await list_moves(database, model, ALIAS, before=None, limit=9) == [move]


async def test_an_approval_and_a_withdrawal_at_once_have_one_outcome(
    database: Database, model: str
) -> None:
    for number in (1, 2, 1, 2):
        proposal = await proposed(database, model, number)
        move, ended = await asyncio.gather(
            approved(database, model, proposal),
            withdraw_proposal(database, (model, ALIAS), proposal.id, by="ann"),
            return_exceptions=True,
        )
        assert isinstance(move, MoveRecord) != isinstance(ended, ProposalRecord)


async def test_once_the_alias_moved_it_is_stale(database: Database, model: str) -> None:
    await moved(database, model, 1)
    proposal = await proposed(database, model, 2)
    await moved(database, model, 3)
    with pytest.raises(Conflict, match="at revision 1, which is at 2 by now") as caught:
        await approved(database, model, proposal)
    assert caught.value.code == "proposal_stale"
    await moved(database, model, 1)
    assert await code_of(approved(database, model, proposal)) == "proposal_stale"


async def test_a_removal_is_proposed_like_a_move(database: Database, model: str) -> None:
    with pytest.raises(NotFound, match="has no alias"):
        await proposed(database, model, None)
    await moved(database, model, 1)
    move = await approved(database, model, await proposed(database, model, None))
    assert (move.from_number, move.to_number, move.proposed_by) == (1, None, "ann")
    assert await Versions(database).by_alias(model, ALIAS) is None


async def test_what_is_over_or_cannot_be_done_is_refused(database: Database, model: str) -> None:
    old = await proposed(database, model, 1)
    await database.alias_proposals.driver.update_one(
        {"_id": old.id}, {"$set": {"expires_at": utc_now()}}
    )
    assert await code_of(approved(database, model, old)) == "proposal_expired"
    gone = await proposed(database, model, 2)
    version = await Versions(database).by_number(model, 2)
    assert version is not None
    await mark_missing(database, version.id, [])
    assert await code_of(approved(database, model, gone)) == "version_not_ready"
    assert await code_of(proposed(database, model, 2)) == "version_not_ready"
    other = gone.model_copy(update={"id": new_id()})
    assert await code_of(approved(database, model, other)) == "proposal_not_found"
    foreign = approve_proposal(
        database, (model, "staging"), gone.id, require_ready, lambda _: None, by="bob"
    )
    assert await code_of(foreign) == "proposal_not_found", "it is another alias's"
    await moved(database, model, 1)
    assert await code_of(proposed(database, model, 1)) == "alias_unchanged"


async def test_a_key_makes_one_proposal_and_so_many_wait(database: Database, model: str) -> None:
    key = new_id()
    made = await asyncio.gather(*(proposed(database, model, 1, key=key) for _ in range(3)))
    assert len({each.id for each in made}) == 1
    for _ in range(MAX_OPEN - 1):
        await proposed(database, model, 2)
    assert await code_of(proposed(database, model, 2)) == "too_many_proposals"
    await withdraw_proposal(database, (model, ALIAS), made[0].id, by="ann")
    assert await code_of(proposed(database, model, 2)) == ""


async def test_a_proposal_can_be_for_the_alias_at_a_revision_alone(
    database: Database, model: str
) -> None:
    place, mover = (model, ALIAS), Mover("ann", "better", "key")
    absent, first = Condition(is_absent=True), Condition(revision=1)
    made = await propose_move(database, place, 1, require_ready, mover, absent)
    await moved(database, model, 2)
    again = await propose_move(database, place, 1, require_ready, mover, absent)
    assert again == made, "the same request: it was done when that held"
    other = Mover("ann", "better", "another")
    for condition, code in ((absent, "alias_exists"), (Condition(revision=2), "alias_moved")):
        call = propose_move(database, place, 1, require_ready, other, condition)
        assert await code_of(call) == code
    assert (await propose_move(database, place, 1, require_ready, other, first)).by == "ann"


async def test_stale_proposals_take_no_place_of_those_that_wait(
    database: Database, model: str
) -> None:
    chosen, *_ = [await proposed(database, model, 1) for _ in range(MAX_OPEN)]
    assert await code_of(proposed(database, model, 1)) == "too_many_proposals"
    await approved(database, model, chosen)
    for _ in range(MAX_OPEN):
        await proposed(database, model, 2)
    assert await code_of(proposed(database, model, 2)) == "too_many_proposals"


async def test_what_the_events_tell_brings_proposals_back(database: Database, model: str) -> None:
    done = await proposed(database, model, 1)
    await approved(database, model, done)
    own, others, still = [await proposed(database, model, 2) for _ in range(3)]
    await withdraw_proposal(database, (model, ALIAS), own.id, by="ann")
    await withdraw_proposal(database, (model, ALIAS), others.id, by="bob")
    assert await code_of(approved(database, model, own)) == "proposal_closed"
    before = await list_proposals(database, (model, ALIAS), before=None, limit=9)
    assert [each.state for each in before] == ["open", "rejected", "withdrawn", "approved"]
    pending = await pending_events(database, model)
    events = [ModelEvent.model_validate_json(event.body) for event in pending]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    closings = Closings()
    for event in events:
        closings.add(event)
    await database.alias_proposals.driver.delete_many({"model": model})

    told = proposals_of(events, closings)
    assert await restore_proposals(database, told) == 4
    assert await list_proposals(database, (model, ALIAS), before=None, limit=9) == before
    assert await restore_proposals(database, told) == 0
    [move] = moves_of(events)
    assert (move.proposed_by, move.proposal) == ("ann", done.id)
    await database.alias_proposals.driver.update_one(
        {"_id": own.id}, {"$set": {"state": "open", "closed_by": None, "closed_at": None}}
    )
    assert await restore_proposals(database, told) == 1, "an old backup did not know its end"
    assert await list_proposals(database, (model, ALIAS), before=None, limit=9) == before
    assert await code_of(approved(database, model, still)) == ""


@dataclass
class Expected:
    """An alias and its proposals, as plain values."""

    number: int | None = None
    revision: int = 0
    proposals: dict[str, tuple[str, int | None, int]] = field(
        default_factory=dict[str, tuple[str, int | None, int]]
    )
    """Who proposed, where to, and at which revision, of those that are open."""
    closed: dict[str, str] = field(default_factory=dict[str, str])
    """Who approved those that were, by id; empty for the others."""

    def move(self, number: int | None) -> None:
        if number != self.number:
            self.number, self.revision = number, self.revision + 1

    def approve(self, proposal_id: str, by: str) -> str:
        if proposal_id in self.closed:
            return "" if self.closed[proposal_id] == by else "proposal_closed"
        proposer, number, revision = self.proposals[proposal_id]
        if revision != self.revision:
            return "proposal_stale"
        if proposer == by:
            return "own_proposal"
        self.move(number)
        del self.proposals[proposal_id]
        self.closed[proposal_id] = by
        return ""

    def withdraw(self, proposal_id: str) -> str:
        if self.closed.get(proposal_id):
            return "proposal_closed"
        self.proposals.pop(proposal_id, None)
        self.closed[proposal_id] = ""
        return ""


async def test_random_steps_come_to_what_a_plain_model_says(database: Database, model: str) -> None:
    chance, expected = random.Random(SEED), Expected()  # noqa: S311 - no secret
    known: list[ProposalRecord] = []
    for _ in range(STEPS):
        by, number = chance.choice(("ann", "bob", "cat")), chance.choice((1, 2, 3, None))
        step = chance.choice(("propose", "propose", "approve", "approve", "withdraw", "move"))
        if step == "propose" and len(expected.proposals) < MAX_OPEN and number != expected.number:
            made = await proposed(database, model, number, by)
            known.append(made)
            expected.proposals[made.id] = (by, number, expected.revision)
        elif step == "approve" and known:
            target = chance.choice(known[-6:])
            wanted = expected.approve(target.id, by)
            assert await code_of(approved(database, model, target, by)) == wanted
        elif step == "withdraw" and known:
            target = chance.choice(known[-6:])
            wanted = expected.withdraw(target.id)
            withdrawn = withdraw_proposal(database, (model, ALIAS), target.id, by=by)
            assert await code_of(withdrawn) == wanted
        elif step == "move" and (number is not None or expected.number is not None):
            await moved(database, model, number, by)
            expected.move(number)
        now = await find_alias(database, model, ALIAS)
        assert (now.to_number if now else None) == expected.number
        assert (now.revision if now else 0) == expected.revision
    assert expected.revision > 10, "there was something to compare"
    open_ones = {
        each.id
        for each in await list_proposals(database, (model, ALIAS), before=None, limit=500)
        if each.state == "open"
    }
    assert open_ones == set(expected.proposals)
