"""The client's calls about proposed moves of aliases: one proposes, another one approves."""

from collections.abc import AsyncIterator
from functools import partial
from uuid import uuid4

from registry._alias_calls import AliasCalls, alias_path, revision_condition
from registry._answers import parse, request_of
from registry._pages import each_item
from registry._services import segment
from registry.schemas import AliasMove, AliasProposal, AliasProposalPage, ProposalRequest


class ProposalCalls(AliasCalls):
    """Proposes and approves moves of aliases that nobody moves alone."""

    async def propose_alias(
        self,
        model: str,
        alias: str,
        version: str | int | None = None,
        *,
        remove: bool = False,
        if_revision: int | None = None,
        reason: str = "",
    ) -> AliasProposal:
        """Propose that an alias point at a ready version, or with `remove` that it be removed.

        Nothing moves until another principal approves it. `if_revision` is the revision that the
        alias must be at to be proposed for. A call whose answer is lost is sent again and counts
        once. Raises NotFoundError, VersionNotReadyError, RevisionMismatchError, ConflictError,
        AccessDeniedError.
        """
        fields = {"version": version, "remove": remove, "reason": reason}
        answer = await self._api.call(
            "ingest",
            "POST",
            _path(model, alias),
            body=request_of(ProposalRequest, fields),
            headers={**revision_condition(if_revision), "idempotency-key": uuid4().hex},
        )
        return parse(answer, AliasProposal)

    async def approve_alias(self, model: str, alias: str, proposal_id: str) -> AliasMove:
        """Have a proposed move made, and return it; a second time it is returned again.

        Raises NotFoundError; AccessDeniedError for one's own proposal; ConflictError where the
        alias has moved since (`code` "proposal_stale"), or the proposal is over or closed.
        """
        path = f"{_path(model, alias)}/{segment(proposal_id)}/approve"
        return parse(await self._api.call("ingest", "POST", path), AliasMove)

    async def withdraw_alias(self, model: str, alias: str, proposal_id: str) -> None:
        """Withdraw one's own proposal, or reject somebody else's; may be repeated.

        Raises NotFoundError, and ConflictError for one that was approved.
        """
        path = f"{_path(model, alias)}/{segment(proposal_id)}"
        await self._api.call("ingest", "DELETE", path)

    def list_alias_proposals(self, model: str, alias: str) -> AsyncIterator[AliasProposal]:
        """Yield the proposed moves of an alias, the newest first, fetched page by page."""
        return each_item(partial(self._proposals, model, alias))

    async def _proposals(
        self, model: str, alias: str, cursor: str | None, limit: int
    ) -> AliasProposalPage:
        params = {"cursor": cursor, "limit": limit}
        return await self._api.get(_path(model, alias), AliasProposalPage, params)


def _path(model: str, alias: str) -> str:
    return f"{alias_path(model, alias)}/proposals"
