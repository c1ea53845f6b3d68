"""The client's calls about aliases: names that point at one version each, and remember."""

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from uuid import uuid4

from registry._answers import parse, request_of
from registry._api import Api
from registry._pages import each_item
from registry._services import segment
from registry.schemas import (
    Alias,
    AliasHistoryPage,
    AliasMove,
    AliasPage,
    AliasRequest,
    RollbackRequest,
)


class AliasCalls:
    """Sets, moves and reads aliases.

    `if_revision` is the revision that an alias must be at to be moved; 0: it must not be there;
    None: whatever it is. Where it is at another one by now, RevisionMismatchError is raised and
    nothing changed. A call whose answer is lost is sent again and counts once.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    async def set_alias(
        self,
        model: str,
        alias: str,
        version: str | int,
        *,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Alias:
        """Let an alias point at a ready version, by number or label; where it does, it stays.

        Raises NotFoundError, VersionNotReadyError, ConflictError, AccessDeniedError.
        """
        body = request_of(AliasRequest, {"version": version, "reason": reason})
        headers = {**revision_condition(if_revision), **_key()}
        answer = await self._api.call(
            "ingest", "PUT", alias_path(model, alias), body=body, headers=headers
        )
        return parse(answer, Alias)

    async def rollback_alias(
        self,
        model: str,
        alias: str,
        *,
        to_revision: int | None = None,
        if_revision: int | None = None,
        reason: str = "",
    ) -> Alias:
        """Let an alias point again where it pointed before its last move, or at a revision.

        It is a move itself. Raises NotFoundError, VersionNotReadyError, ConflictError,
        AccessDeniedError.
        """
        body = request_of(RollbackRequest, {"to_revision": to_revision, "reason": reason})
        path = f"{alias_path(model, alias)}/rollback"
        headers = {**revision_condition(if_revision), **_key()}
        return parse(
            await self._api.call("ingest", "POST", path, body=body, headers=headers), Alias
        )

    async def remove_alias(
        self, model: str, alias: str, *, if_revision: int | None = None, reason: str = ""
    ) -> None:
        """Let an alias point nowhere; its history stays. Raises NotFoundError, ConflictError."""
        await self._api.call(
            "ingest",
            "DELETE",
            alias_path(model, alias),
            params={"reason": reason or None},
            headers={**revision_condition(if_revision), **_key()},
        )

    async def get_alias(self, model: str, alias: str, *, at: datetime | None = None) -> Alias:
        """Return where an alias points, or pointed at a moment; raises NotFoundError.

        A time without an offset is this machine's local time.
        """
        params = {"at": at.astimezone().isoformat() if at else None}
        return await self._api.get(alias_path(model, alias), Alias, params)

    def list_aliases(self, model: str) -> AsyncIterator[Alias]:
        """Yield the aliases of a model in order of their names, fetched page by page."""

        async def page(cursor: str | None, limit: int) -> AliasPage:
            path = f"/v1/models/{segment(model)}/aliases"
            return await self._api.get(path, AliasPage, {"cursor": cursor, "limit": limit})

        return each_item(page)

    def alias_history(self, model: str, alias: str) -> AsyncIterator[AliasMove]:
        """Yield the moves of an alias, the newest first, fetched page by page."""
        return each_item(partial(self._moves, model, alias))

    async def _moves(
        self, model: str, alias: str, cursor: str | None, limit: int
    ) -> AliasHistoryPage:
        path = f"{alias_path(model, alias)}/history"
        return await self._api.get(path, AliasHistoryPage, {"cursor": cursor, "limit": limit})


def alias_path(model: str, alias: str) -> str:
    """Return the path of an alias; its name may have an @ before it."""
    return f"/v1/models/{segment(model)}/aliases/{segment(alias.removeprefix('@'))}"


def revision_condition(if_revision: int | None) -> dict[str, str]:
    """Return the headers that make a change depend on a revision."""
    if if_revision is None:
        return {}
    return {"if-match": f'"{if_revision}"'} if if_revision else {"if-none-match": "*"}


def _key() -> dict[str, str]:
    return {"idempotency-key": uuid4().hex}
