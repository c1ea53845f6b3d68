"""Tokens as they are kept: never the token itself, only its SHA-256."""

from datetime import UTC, datetime, timedelta

from shared.database.client import Database
from shared.database.collection import Document
from shared.database.pages import Place, newest_first, older_than
from shared.domain.access.tokens import TokenRecord

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
LAST_USE_STEP = timedelta(minutes=10)
"""The last use is written when the one that is kept is older than this."""


async def keep_token(database: Database, token: TokenRecord) -> None:
    """Keep a new token."""
    await database.tokens.insert_one(token.model_dump(by_alias=True))


async def find_token(database: Database, token_id: str) -> TokenRecord | None:
    """Return what is kept of a token."""
    found = await database.tokens.find_one({"_id": token_id})
    return TokenRecord.model_validate(found) if found else None


async def list_tokens(
    database: Database, *, owner: str | None, before: Place | None, limit: int
) -> list[TokenRecord]:
    """Return up to `limit` tokens, the newest first: those that a principal made, or all.

    `before` is when the last one of the page before was made, and its id.
    """
    query: Document = {"created_at": {"$lte": before[0] if before is not None else NEVER}}
    if owner is not None:
        query["owner"] = owner
    if before is not None:
        query |= older_than("created_at", before)
    cursor = database.tokens.find(query).sort(newest_first("created_at")).limit(limit)
    return [TokenRecord.model_validate(each) for each in await cursor.to_list()]


async def revoke_token(database: Database, token_id: str, now: datetime) -> None:
    """Let a token count no more; the moment of the first revocation stays."""
    await database.tokens.update_one(
        {"_id": token_id, "revoked_at": None}, {"$set": {"revoked_at": now}}
    )


async def note_use(database: Database, token: TokenRecord, now: datetime) -> None:
    """Write when a token was used, where what is kept of it is old."""
    if token.last_used_at is None or now - token.last_used_at > LAST_USE_STEP:
        await database.tokens.update_one({"_id": token.id}, {"$set": {"last_used_at": now}})
