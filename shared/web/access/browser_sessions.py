"""Sessions of browsers as credentials: each stands for a token, or for who an issuer says it is."""

from shared.database.browser_sessions import (
    end_oldest_sessions,
    end_session,
    end_sessions_of,
    find_session,
    keep_session,
    sessions_of,
)
from shared.domain.access.browser_sessions import (
    MOST_SESSIONS,
    SESSION_LIFE,
    SessionRecord,
    SessionText,
    new_handing_key,
    proof_of,
)
from shared.domain.access.issuers import TrustedIssuer
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import sha256_of
from shared.domain.errors import Denied, Unauthenticated
from shared.web.access.session_holders import SessionHolders, digest_of_issuer


class BrowserSessions:
    """Makes sessions, tells whose they are, and ends them."""

    def __init__(self, holders: SessionHolders) -> None:
        self._holders = holders
        self._database = holders.database

    async def begin(self, principal: Principal, token: str) -> SessionText:
        """Return the credential of a new session of whom this token is; raises Denied."""
        if principal.kind not in ("administrator", "token"):
            detail = "sign in with a token of this registry: of others a session cannot ask again"
            raise Denied("cannot_sign_in", detail)
        return await self._begin(principal, sha256_of(token))

    async def begin_by_issuer(self, principal: Principal, issuer: TrustedIssuer) -> SessionText:
        """Return the credential of a new session of whom an issuer told us about."""
        return await self._begin(principal, digest_of_issuer(issuer))

    async def _begin(self, principal: Principal, stands_for: str) -> SessionText:
        text, now, handing_key = SessionText.new(), await self._database.now(), new_handing_key()
        is_by_issuer = principal.kind == "oidc"
        record = SessionRecord(
            id=text.digest,
            principal=principal.id,
            proof=proof_of(text.digest, stands_for),
            handing_key=handing_key,
            handed_on_sha256=text.handed_on(handing_key).digest,
            name=principal.name if is_by_issuer else "",
            grants=tuple(str(each) for each in principal.grants) if is_by_issuer else (),
            created_at=now,
            expires_at=min(now + SESSION_LIFE, principal.expires_at or now + SESSION_LIFE),
        )
        await keep_session(self._database, record)
        await end_oldest_sessions(self._database, principal.id, most=MOST_SESSIONS)
        return text

    async def end(self, text: SessionText) -> None:
        """Let a session count no more."""
        await end_session(self._database, text.digest)

    async def of(self, principal: Principal) -> list[SessionRecord]:
        """Return the sessions of a principal, the newest first."""
        return await sessions_of(self._database, principal.id, limit=MOST_SESSIONS)

    async def end_all(self, principal: Principal) -> None:
        """Let no session of a principal count any more."""
        await end_sessions_of(self._database, principal.id)

    async def principal_of(self, credential: str) -> Principal | None:
        """Return whose a session is; None where it, or what it stands for, counts no more."""
        text = SessionText.parse(credential)
        session = await find_session(self._database, text.digest) if text is not None else None
        return await self._holders.holder_of(session) if session is not None else None

    async def handed_on(self, text: SessionText) -> str:
        """Return the credential with which something of a page's is handed on to ingest.

        Raises Unauthenticated where the session is over.
        """
        session = await find_session(self._database, text.digest)
        if session is None:
            raise Unauthenticated
        return str(text.handed_on(session.handing_key))
