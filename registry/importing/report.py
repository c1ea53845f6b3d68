"""What an importing run did."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from registry.schemas.base import Answer

Watch = Callable[[int, int], None]
"""Called with the versions that were looked at, and the bytes that were sent for them."""
MOST_PROBLEMS = 10_000
"""Problems that are told one by one; all are counted."""


class Problem(Answer):
    """What was not brought in."""

    model: str
    """Its name at the source."""
    version: str | None = None
    alias: str | None = None
    kind: Literal["refused", "failed"]
    """refused: it would be again; failed: the same command may do it later."""
    reason: str


class ImportReport(Answer):
    """Figures and problems of one run; with `dry_run` of what it would do."""

    dry_run: bool = False
    models: int = 0
    imported: int = 0
    """Versions that were not here before."""
    present: int = 0
    """Versions that were here already, as they are at the source."""
    updated: int = 0
    """Versions that were here, of which something else is said at the source by now."""
    described: int = 0
    """Models whose description or tags were changed."""
    aliases_moved: int = 0
    refused: int = 0
    failed: int = 0
    bytes: int = 0
    """Of the files of the versions that were imported."""
    seconds: float = 0.0
    problems: list[Problem] = Field(default_factory=list[Problem])

    @property
    def is_complete(self) -> bool:
        """Whether all that is at the source is here."""
        return not self.refused and not self.failed
