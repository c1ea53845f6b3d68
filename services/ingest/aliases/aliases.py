"""Moving aliases: each is one transaction with its history and its event."""

from dataclasses import dataclass

from registry.schemas import Alias, AliasRequest, RollbackRequest
from registry.schemas.aliases import check_alias
from services.ingest.context import Context
from services.ingest.idempotency import digest_of
from services.ingest.named_versions import required_version
from shared.database import alias_moves, aliases
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.access.decision import decide
from shared.domain.aliases import (
    Condition,
    Mover,
    MoveRecord,
    alias_of,
    require_pointing,
    require_ready,
)
from shared.domain.errors import Conflict, NotFound, checked
from shared.domain.rules import Effective, require_mover
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """The alias that a request is about, and how it is to be moved.

    Raises InvalidRequest where no alias can be named so, whichever protocol asks.
    """

    model: str
    alias: str
    caller: Caller
    condition: Condition
    idempotency_key: str | None = None

    def __post_init__(self) -> None:
        checked("alias", check_alias, self.alias)

    @property
    def place(self) -> tuple[str, str]:
        """The model and the alias."""
        return self.model, self.alias

    @property
    def subject(self) -> str:
        """What the audit calls it."""
        return f"alias:{self.alias}"

    @property
    def key(self) -> str | None:
        """What a repeated request finds its move by: a key is its principal's, and the alias's."""
        if self.idempotency_key is None:
            return None
        return digest_of(self.caller.principal.id, self.model, self.alias, self.idempotency_key)

    def mover(self, reason: str, *asked: str) -> Mover:
        """Return who moves it, and why; the texts are what is asked for, as it was sent."""
        request = digest_of(*asked) if self.idempotency_key is not None else None
        return Mover(self.caller.principal.id, reason, self.key, request)


async def set_alias(named: Named, request: AliasRequest, context: Context) -> Alias:
    """Let the alias point at a ready version; where it does already, nothing is changed.

    Raises NotFound for the version, Conflict "version_not_ready" and "approval_needed", Forbidden
    "alias_protected", and PreconditionFailed.
    """
    number = (await required_version(named.model, request.version, context)).number

    def decide(before: MoveRecord | None) -> int:
        named.condition.require(before, named.alias)
        return number

    mover = named.mover(request.reason, "set", request.model_dump_json())
    return alias_of(await _move(named, decide, mover, context))


async def roll_back(named: Named, request: RollbackRequest, context: Context) -> Alias:
    """Let the alias point again where it pointed before its last move, or at a revision.

    Raises NotFound for the alias and the revision, Conflict "nothing_before" where it was not
    there, and what `set_alias` raises.
    """
    wanted = None
    if request.to_revision is not None:
        wanted = await aliases.find_move(
            context.database, named.model, named.alias, request.to_revision
        )
        if wanted is None:
            detail = f"alias {named.alias!r} has no revision {request.to_revision}"
            raise NotFound("revision_not_found", detail)

    def decide(before: MoveRecord | None) -> int:
        named.condition.require(before, named.alias)
        last = require_pointing(before, named.model, named.alias)
        number = last.from_number if wanted is None else wanted.to_number
        if number is None:
            raise Conflict("nothing_before", f"alias {named.alias!r} pointed nowhere then")
        return number

    mover = named.mover(request.reason, "rollback", request.model_dump_json())
    return alias_of(await _move(named, decide, mover, context))


async def remove_alias(named: Named, reason: str, context: Context) -> None:
    """Let the alias point nowhere; its history stays. Raises NotFound, and as `set_alias`."""

    def decide(before: MoveRecord | None) -> None:
        named.condition.require(before, named.alias)
        require_pointing(before, named.model, named.alias)

    await _move(named, decide, named.mover(reason, "remove", reason), context)


async def _move(
    named: Named, decide: alias_moves.Decide, mover: Mover, context: Context
) -> MoveRecord:
    caller = named.caller

    def permit(applied: Effective) -> None:
        require_mover(applied, *named.place, is_maintainer=is_maintainer(named))

    async with caller.audited(Change.MOVE_ALIAS, named.model, named.subject):
        move = await alias_moves.move_alias(
            context.database,
            named.model,
            named.alias,
            decide,
            require_ready,
            mover,
            permit,
        )
    log_moved(move, by=caller.principal.id)
    return move


def log_moved(move: MoveRecord, **people: str | None) -> None:
    """Log where an alias points now, and who had a part in that."""
    log.info(
        "alias moved",
        model=move.model,
        alias=move.alias,
        revision=move.revision,
        version=move.to_number,
        **people,
    )


def is_maintainer(named: Named) -> bool:
    """Whether the caller may move aliases that the model's rules leave to maintainers."""
    grants = named.caller.principal.grants
    return decide(grants, Action.MOVE_PROTECTED_ALIAS, named.model).is_allowed
