"""The client's search: filters over versions and models."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeVar, overload

from registry._api import Api
from registry._pages import each_item
from registry.schemas import Model, ModelSearchPage, VersionSearchPage, VersionSummary

PageT = TypeVar("PageT", VersionSearchPage, ModelSearchPage)


class SearchCalls:
    """Finds versions and models by what is known of them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @overload
    def search(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        kind: Literal["versions"] = "versions",
        min_sequence: Mapping[str, int] | None = None,
    ) -> AsyncIterator[VersionSummary]: ...

    @overload
    def search(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        kind: Literal["models"],
        min_sequence: Mapping[str, int] | None = None,
    ) -> AsyncIterator[Model]: ...

    def search(
        self,
        filter: str = "",
        *,
        order_by: Sequence[str] = (),
        kind: Literal["versions", "models"] = "versions",
        min_sequence: Mapping[str, int] | None = None,
    ) -> AsyncIterator[VersionSummary] | AsyncIterator[Model]:
        """Yield the versions, or models, that match, fetched page by page.

        `filter` is such as "metrics.auc > 0.9 AND alias = production"; blank matches all.
        `order_by` has keys such as "metrics.auc desc"; without any the newest come first.
        `min_sequence` names an event of a model that the answer is to have, as a version's
        `sequence` tells it. Raises InvalidRequestError, whose message names the column.
        """
        params: dict[str, Any] = {
            "filter": filter,
            "order_by": [order_by] if isinstance(order_by, str) else list(order_by),
            "kind": kind,
            "min_sequence": [f"{name}:{n}" for name, n in (min_sequence or {}).items()],
        }
        if kind == "models":
            return each_item(partial(self._page, ModelSearchPage, params))
        return each_item(partial(self._page, VersionSearchPage, params))

    async def _page(
        self, page: type[PageT], params: Mapping[str, Any], cursor: str | None, limit: int
    ) -> PageT:
        return await self._api.get("/v1/search", page, {**params, "cursor": cursor, "limit": limit})
