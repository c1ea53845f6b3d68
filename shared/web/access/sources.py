"""Credentials of the registry's own: the administrator's, tokens, and those of one upload."""

from typing import Protocol

from pydantic import SecretStr

from shared.database.client import Database
from shared.database.tokens import find_token, note_use
from shared.database.versions import Versions
from shared.domain.access.browser_sessions import ADMINISTRATOR
from shared.domain.access.grants import Grant
from shared.domain.access.principals import Principal
from shared.domain.access.tokens import TokenText, is_equal, sha256_of


class CredentialSource(Protocol):
    """Tells whose a credential is."""

    async def principal_of(self, credential: str) -> Principal | None:
        """Return whose it is; None where it is not of this source, or counts no more.

        Raises Unavailable where nobody can say now.
        """
        ...


class AdministratorToken:
    """The one token that settings name, so that there is somebody who can make others."""

    def __init__(self, token: SecretStr) -> None:
        self._sha256 = sha256_of(token.get_secret_value())

    async def principal_of(self, credential: str) -> Principal | None:
        """Return the administrator, or nobody."""
        if not is_equal(sha256_of(credential), self._sha256):
            return None
        everything = (Grant("admin", "*"),)
        return Principal(ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR, everything)


class RegistryTokens:
    """Tokens that were made over the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def principal_of(self, credential: str) -> Principal | None:
        """Return a token's principal; None for one that is unknown, expired or revoked."""
        text = TokenText.parse(credential)
        if text is None or text.uploads_version is not None:
            return None
        found = await find_token(self._database, text.id)
        now = await self._database.now()
        if found is None or not found.is_valid(text.digest, now):
            return None
        await note_use(self._database, found, now)
        grants = tuple(Grant.parse(each) for each in found.grants)
        return Principal(f"token:{found.id}", "token", found.name, grants, found.expires_at)


class UploadTokens:
    """Tokens that the plan of an upload carries: they are for this upload alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions = Versions(database)

    async def principal_of(self, credential: str) -> Principal | None:
        """Return the principal that was handed the upload, until the upload's time is over."""
        text = TokenText.parse(credential)
        if text is None or text.uploads_version is None:
            return None
        version = await self._versions.get(text.uploads_version)
        session = version.session if version else None
        if version is None or session is None:
            return None
        known = [is_equal(kept, text.digest) for kept in session.token_sha256]
        if not any(known) or session.expires_at <= await self._database.now():
            return None
        grant = Grant("upload", version.id)
        name = f"upload of {version.model} {version.number}"
        return Principal(f"upload:{version.id}", "upload", name, (grant,), session.expires_at)
