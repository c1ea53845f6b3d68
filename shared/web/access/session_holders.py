"""Whom a session is of: the token, the administrator or the person that it stands for, asked anew.

Query knows sessions by the cookie, and ingest by what query hands on; both find its holder here.
"""

from datetime import datetime

from shared.database.browser_sessions import find_session
from shared.database.client import Database
from shared.database.tokens import find_token
from shared.domain.access.browser_sessions import (
    ADMINISTRATOR,
    HandedOnText,
    SessionRecord,
    proof_of,
)
from shared.domain.access.grants import Grant
from shared.domain.access.issuers import TrustedIssuer
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import is_equal, sha256_of
from shared.runtime.settings import Settings


class SessionHolders:
    """Finds out whether a session still counts, and with which grants."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self._admin_token = settings.registry_admin_token
        self._issuers = {each.url: each for each in settings.oidc_issuers}

    async def holder_of(self, session: SessionRecord) -> Principal | None:
        """Return whose a session is; None where it, or what it stands for, counts no more."""
        now = await self.database.now()
        if session.expires_at <= now:
            return None
        if session.principal == ADMINISTRATOR:
            return self._administrator(session)
        if session.principal.startswith("oidc:"):
            return self._person(session)
        return await self._owner(session, now)

    def _administrator(self, session: SessionRecord) -> Principal | None:
        if self._admin_token is None:
            return None
        digest = sha256_of(self._admin_token.get_secret_value())
        if not _stands_for(session, digest):
            return None  # the administrator's token was changed meanwhile
        grants = (Grant("admin", "*"),)
        return Principal(ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, grants, session.expires_at)

    def _person(self, session: SessionRecord) -> Principal | None:
        url = session.principal.removeprefix("oidc:").partition("#")[0]
        issuer = self._issuers.get(url)
        if issuer is None or not _stands_for(session, digest_of_issuer(issuer)):
            return None  # the issuer is trusted no more, or its rules were changed
        grants = tuple(Grant.parse(each) for each in session.grants)
        return Principal(session.principal, "oidc", session.name, grants, session.expires_at)

    async def _owner(self, session: SessionRecord, now: datetime) -> Principal | None:
        token = await find_token(self.database, session.principal.removeprefix("token:"))
        if token is None or not token.is_valid(token.sha256, now):
            return None
        if not _stands_for(session, token.sha256):
            return None
        grants = tuple(Grant.parse(each) for each in token.grants)
        ends = min(session.expires_at, token.expires_at or session.expires_at)
        return Principal(session.principal, "token", token.name, grants, ends)


class HandedOnSessions:
    """Sessions as credentials at ingest: as query hands them on, and never as the cookie has them.

    No cookie counts at ingest, and no value of a cookie in a header.
    """

    def __init__(self, holders: SessionHolders) -> None:
        self._holders = holders

    async def principal_of(self, credential: str) -> Principal | None:
        """Return whose the session is that was handed on; None where it counts no more."""
        text = HandedOnText.parse(credential)
        if text is None:
            return None
        session = await find_session(self._holders.database, text.session)
        if session is None or not is_equal(session.handed_on_sha256, text.digest):
            return None
        return await self._holders.holder_of(session)


def digest_of_issuer(issuer: TrustedIssuer) -> str:
    """Return what stands for an issuer with its rules: a session ends when they are changed."""
    return sha256_of(issuer.model_dump_json(include={"url", "rules"}))


def _stands_for(session: SessionRecord, digest: str) -> bool:
    return is_equal(session.proof, proof_of(session.id, digest))
