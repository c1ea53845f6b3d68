"""Pages of what a search finds."""

from registry.schemas.base import Answer
from registry.schemas.versions import Model, VersionSummary


class SearchPage(Answer):
    """What every page of a search tells."""

    next_cursor: str | None = None
    """Give it back as `cursor`, with the same filter and order, for the next page."""
    count: int | None = None
    """How many match, where that was asked for."""
    count_is_exact: bool | None = None
    """False: so many match at least, and were not counted any further."""


class VersionSearchPage(SearchPage):
    """Versions that match, in the order asked for; fewer than asked for where they are large."""

    items: list[VersionSummary]


class ModelSearchPage(SearchPage):
    """Models that match, in the order asked for."""

    items: list[Model]
