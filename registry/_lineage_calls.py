"""The client's calls about lineage: what versions were made from, and what was made from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry._alias_calls import AliasCalls
from registry._answers import parse, request_of
from registry._api import named_version
from registry._services import segment
from registry.schemas.lineage import Direction, Lineage, LineageFormat
from registry.schemas.links import LineageRequest, ParentRequest, VersionLinks

Named = str | Mapping[str, Any]
"""A text such as `base@3` or a URI, or the fields of what it stands for."""


class LineageCalls(AliasCalls):
    """Says and reads what versions were made from."""

    async def lineage(
        self,
        model: str,
        version: str | int = "latest",
        *,
        direction: Direction = "up",
        depth: int = 5,
        limit: int = 200,
    ) -> Lineage:
        """Return what a version was made from (`up`), or what was made from it (`down`), or both.

        As many generations as `depth`, and as many nodes as `limit`; `is_truncated` says that there
        is more. In place of a version that the caller may not read stands a node of kind `hidden`.
        Raises NotFoundError, InvalidRequestError.
        """
        answer = await self._ask_lineage(model, version, direction, depth, limit, "json")
        return Lineage.model_validate_json(answer)

    async def draw_lineage(
        self,
        model: str,
        version: str | int = "latest",
        *,
        format: LineageFormat,
        direction: Direction = "up",
        depth: int = 5,
        limit: int = 200,
    ) -> str:
        """Return the same as text: `mermaid`, `dot` (Graphviz), or `openlineage` events as JSON."""
        return await self._ask_lineage(model, version, direction, depth, limit, format)

    async def add_lineage(
        self,
        model: str,
        version: str | int,
        *,
        parents: Sequence[Named] = (),
        datasets: Sequence[Named] = (),
        run: Named | None = None,
        code: Named | None = None,
    ) -> VersionLinks:
        """Say what a version was made from; what is said already is not said twice.

        A parent is `MODEL@NUMBER`, `MODEL@ALIAS`, a URI, or {"model", "version", "relation"} or
        {"uri", "relation"}. Where an alias points is asked first: a call whose answer is lost is
        sent again, and names the same version then. Raises NotFoundError for the version and its
        parents, ConflictError "lineage_cycle" where a parent was made from the version,
        AccessDeniedError.
        """
        told = {"parents": list(parents), "datasets": list(datasets), "run": run, "code": code}
        asked = request_of(LineageRequest, told)
        pinned = [await self._pinned(each) for each in asked.parents]
        body = asked.model_copy(update={"parents": pinned})
        path = _path(model, version)
        return parse(await self._api.call("ingest", "POST", path, body=body), VersionLinks)

    async def remove_lineage(self, model: str, version: str | int, link_id: str) -> VersionLinks:
        """Remove a link by its id, and return those that are left; one that is gone is no error."""
        path = f"{_path(model, version)}/{segment(link_id)}"
        return parse(await self._api.call("ingest", "DELETE", path), VersionLinks)

    async def _pinned(self, parent: ParentRequest) -> ParentRequest:
        """Return a parent by its number, where it is named by an alias, which may move."""
        if parent.model is None or not str(parent.version).startswith("@"):
            return parent
        found = await self._api.get_version(parent.model, str(parent.version))
        return parent.model_copy(update={"version": found.number})

    async def _ask_lineage(
        self,
        model: str,
        version: str | int,
        direction: Direction,
        depth: int,
        limit: int,
        as_format: LineageFormat,
    ) -> str:
        named, at = named_version(version)
        params = {
            "direction": direction,
            "depth": depth,
            "limit": limit,
            "format": as_format,
            "at": at,
        }
        answer = await self._api.call("query", "GET", _path(model, named), params=params)
        return answer.text


def _path(model: str, version: str | int) -> str:
    return f"/v1/models/{segment(model)}/versions/{segment(version)}/lineage"
