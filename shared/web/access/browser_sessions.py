"""Sessions of browsers as credentials: each stands for a token, and counts as long as that does."""

import hashlib
from datetime import datetime

from pydantic import SecretStr

from shared.database.browser_sessions import end_session, find_session, keep_session
from shared.database.client import Database
from shared.database.tokens import find_token
from shared.domain.access.browser_sessions import (
    ADMINISTRATOR,
    SESSION_LIFE,
    SessionRecord,
    SessionText,
    proof_of,
)
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import is_equal
from shared.domain.errors import Denied


class BrowserSessions:
    """Makes sessions, tells whose they are, and ends them."""

    def __init__(self, database: Database, admin_token: SecretStr | None) -> None:
        self._database = database
        self._admin_token = admin_token

    async def begin(self, principal: Principal, token: str) -> SessionText:
        """Return the credential of a new session of whom this token is; raises Denied."""
        if principal.kind not in ("administrator", "token"):
            detail = "sign in with a token of this registry: of others a session cannot ask again"
            raise Denied("cannot_sign_in", detail)
        text, now = SessionText.new(), await self._database.now()
        ends = min(now + SESSION_LIFE, principal.expires_at or now + SESSION_LIFE)
        record = SessionRecord(
            id=text.digest,
            token_id=principal.id.removeprefix("token:"),
            proof=proof_of(text.digest, _sha256(token)),
            created_at=now,
            expires_at=ends,
        )
        await keep_session(self._database, record)
        return text

    async def end(self, text: SessionText) -> None:
        """Let a session count no more."""
        await end_session(self._database, text.digest)

    async def principal_of(self, credential: str) -> Principal | None:
        """Return whose a session is; None where it, or its token, counts no more."""
        text = SessionText.parse(credential)
        if text is None:
            return None
        session = await find_session(self._database, text.digest)
        now = await self._database.now()
        if session is None or session.expires_at <= now:
            return None
        if session.token_id == ADMINISTRATOR:
            return self._administrator(session)
        return await self._owner(session, now)

    def _administrator(self, session: SessionRecord) -> Principal | None:
        if self._admin_token is None:
            return None
        digest = _sha256(self._admin_token.get_secret_value())
        if not is_equal(session.proof, proof_of(session.id, digest)):
            return None  # the administrator's token was changed meanwhile
        grants = (Grant("admin", "*"),)
        return Principal(ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, grants, session.expires_at)

    async def _owner(self, session: SessionRecord, now: datetime) -> Principal | None:
        token = await find_token(self._database, session.token_id)
        if token is None or not token.is_valid(token.sha256, now):
            return None
        if not is_equal(session.proof, proof_of(session.id, token.sha256)):
            return None
        grants = tuple(Grant.parse(each) for each in token.grants)
        ends = min(session.expires_at, token.expires_at or session.expires_at)
        return Principal(f"token:{token.id}", "token", token.name, grants, ends)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
