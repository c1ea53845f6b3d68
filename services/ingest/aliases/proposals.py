"""Proposed moves of aliases: made by one principal, approved by another."""

from registry.schemas import AliasMove, AliasProposal, ProposalRequest
from services.ingest.aliases.aliases import Named, is_maintainer, log_moved
from services.ingest.context import Context
from services.ingest.named_versions import required_version
from shared.database import proposals
from shared.database.aliases import find_alias
from shared.domain.access.audit import Change
from shared.domain.aliases import require_ready
from shared.domain.proposals import revision_of, told_proposal
from shared.domain.rules import Effective, require_approver
from shared.runtime.logs import get_logger

log = get_logger(__name__)


async def propose(named: Named, request: ProposalRequest, context: Context) -> AliasProposal:
    """Propose a move; it changes nothing until another principal approves it.

    Raises NotFound for the version, or for the alias that is to be removed, Conflict
    "version_not_ready", "alias_unchanged" and "too_many_proposals", and PreconditionFailed.
    """
    named.caller.require_credential(named.model, named.subject)
    number = None
    if request.version is not None:
        number = (await required_version(named.model, request.version, context)).number
    async with named.caller.audited(Change.PROPOSE_ALIAS, named.model, named.subject):
        made = await proposals.propose_move(
            context.database,
            named.place,
            number,
            require_ready,
            named.mover(request.reason, "propose", request.model_dump_json()),
            named.condition,
        )
    log.info("alias proposed", model=made.model, alias=made.alias, proposal=made.id, by=made.by)
    # One that was made before, by a request whose answer was lost, may be stale by now.
    alias = await find_alias(context.database, *named.place)
    return told_proposal(made, await context.database.now(), revision_of(alias))


async def approve(named: Named, proposal_id: str, context: Context) -> AliasMove:
    """Make a proposed move; raises NotFound, Denied "own_proposal", Forbidden and Conflict."""
    caller = named.caller
    # Who brings no credential is anybody: also who proposed the move.
    caller.require_credential(named.model, named.subject)

    def permit(applied: Effective) -> None:
        maintains = is_maintainer(named)
        require_approver(applied, named.model, named.alias, is_maintainer=maintains)

    async with caller.audited(Change.APPROVE_ALIAS, named.model, named.subject):
        move = await proposals.approve_proposal(
            context.database,
            named.place,
            proposal_id,
            require_ready,
            permit,
            by=caller.principal.id,
        )
    log_moved(move, by=move.by, proposed_by=move.proposed_by)
    return AliasMove.model_validate(move.model_dump())


async def withdraw(named: Named, proposal_id: str, context: Context) -> None:
    """Withdraw one's own proposal, or reject another's; raises NotFound, Conflict."""
    named.caller.require_credential(named.model, named.subject)
    async with named.caller.audited(Change.WITHDRAW_ALIAS, named.model, named.subject):
        ended = await proposals.withdraw_proposal(
            context.database, named.place, proposal_id, by=named.caller.principal.id
        )
    log.info("proposal closed", proposal=ended.id, state=ended.state, by=ended.closed_by)
