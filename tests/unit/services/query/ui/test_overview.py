"""What the overview tells where search cannot: the rest of the page is there."""

from typing import cast

import pytest

from services.query.context import Context
from services.query.search.projection.reading import SearchNotLoaded, SearchTooCostly
from services.query.ui import overview
from shared.domain.access.decision import EVERY_NAME
from shared.domain.errors import InvalidRequest, RegistryError, TooManyRequests


def fail_with(monkeypatch: pytest.MonkeyPatch, error: RegistryError) -> None:
    async def fail(*_: object) -> str:
        raise error

    monkeypatch.setattr(overview, "search", fail)


@pytest.mark.parametrize(
    "error", [SearchTooCostly(), SearchNotLoaded(), TooManyRequests("busy", "come again")]
)
async def test_why_nothing_is_listed_is_told(
    monkeypatch: pytest.MonkeyPatch, error: RegistryError
) -> None:
    fail_with(monkeypatch, error)
    for ask in (overview.newest, overview.rejected):
        found = await ask(EVERY_NAME, cast("Context", None))
        assert (found.items, found.trouble) == ((), error.detail)


async def test_what_is_wrong_with_the_request_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, InvalidRequest("min_sequence", "must be MODEL:SEQUENCE"))
    with pytest.raises(InvalidRequest):
        await overview.newest(EVERY_NAME, cast("Context", None), ["x"])
