"""Making, listing and revoking tokens: by whoever administers what a token is for."""

from datetime import timedelta

from registry.schemas.access import NewToken, Token, TokenPage, TokenRequest
from services.ingest.context import Context
from shared.database import tokens
from shared.domain.access.audit import Change
from shared.domain.access.decision import covers
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import TokenRecord, TokenText
from shared.domain.errors import Forbidden, NotFound
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller
from shared.web.cursors import cut_page, decode_place, encode_place

log = get_logger(__name__)
EVERYTHING = Grant("admin", "*")


async def make_token(request: TokenRequest, caller: Caller, context: Context) -> NewToken:
    """Make a token, and return it with its secret, which is kept nowhere.

    Raises Forbidden for a grant on names that the caller does not administer.
    """
    caller.require_somewhere()
    for text in request.grants:
        grant = Grant.parse(text)
        if not covers(caller.principal.grants, grant):
            raise caller.refused(Forbidden(f"admin:{grant.pattern}"), grant.pattern)
    text = TokenText.new()
    now = await context.database.now()
    life = request.expires_in_seconds
    record = TokenRecord(
        id=text.id,
        name=request.name,
        prefix=text.shown,
        sha256=text.digest,
        owner=caller.principal.id,
        grants=tuple(dict.fromkeys(request.grants)),
        created_at=now,
        expires_at=now + timedelta(seconds=life) if life is not None else None,
    )
    async with caller.audited(Change.MAKE_TOKEN, _pattern(record), f"token:{record.id}"):
        await tokens.keep_token(context.database, record)
    log.info("token made", token_id=record.id, owner=record.owner, grants=record.grants)
    return NewToken(token=str(text), **_token(record).model_dump())


async def list_tokens(
    cursor: str | None, limit: int, caller: Caller, context: Context
) -> TokenPage:
    """Return tokens that the caller may revoke, the newest first; raises InvalidRequest."""
    caller.require_somewhere()
    before = decode_place(cursor) if cursor else None
    owner = None if EVERYTHING in caller.principal.grants else caller.principal.id
    found = await tokens.list_tokens(context.database, owner=owner, before=before, limit=limit + 1)
    page, more = cut_page(found, limit, lambda last: encode_place(last.created_at, last.id))
    return TokenPage(items=[_token(each) for each in page], next_cursor=more)


async def revoke_token(token_id: str, caller: Caller, context: Context) -> None:
    """Revoke a token: one's own, one that the caller made, or any for who administers all.

    Raises NotFound for every other.
    """
    caller.require_credential()
    not_found = NotFound("token_not_found", f"there is no token with id {token_id!r}")
    found = await tokens.find_token(context.database, token_id)
    if found is None:
        raise not_found
    subject = f"token:{found.id}"
    if not _may_revoke(caller.principal, found):
        raise caller.refused(not_found, _pattern(found), subject)
    async with caller.audited(Change.REVOKE_TOKEN, _pattern(found), subject):
        await tokens.revoke_token(context.database, token_id, await context.database.now())
    log.info("token revoked", token_id=token_id, by=caller.principal.id)


def _may_revoke(principal: Principal, token: TokenRecord) -> bool:
    return EVERYTHING in principal.grants or principal.id in (token.owner, f"token:{token.id}")


def _pattern(token: TokenRecord) -> str:
    """Return the names that all grants of a token are for; empty where they differ."""
    patterns = {Grant.parse(each).pattern for each in token.grants}
    return patterns.pop() if len(patterns) == 1 else ""


def _token(record: TokenRecord) -> Token:
    return Token.model_validate(record.model_dump(exclude={"sha256"}))
