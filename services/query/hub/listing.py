"""Lists of models for clients of Hugging Face: those that have a ready version."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.schemas import Model
from services.query.context import Context
from services.query.hub.answers import RepoInfo
from services.query.hub.repos import info_of
from services.query.versions import pages
from shared.domain.access.decision import NameFilter
from shared.domain.hub_names import DEFAULT_NAMESPACE, repo_of_model

PAGE_MODELS = 100
MOST_LISTED = 500
MOST_DESCRIBED = 50
"""Of one page where each model is told with its files: a version of it is read for each."""
_READ_AT_ONCE = 500
_ROUNDS = 10
"""A page ends after so many reads; it may have less than it has room for, and one that follows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which models are asked for."""

    search: str = ""
    """Part of the id, in any case of letters."""
    author: str = ""
    """The namespace."""

    def has(self, model: Model) -> bool:
        """Whether a model is one of them."""
        repo = repo_of_model(model.name)
        if repo is None or model.latest_number is None:
            return False
        namespace, slash, _ = repo.partition("/")
        is_by = not self.author or (bool(slash) and namespace == self.author)
        return is_by and self.search.casefold() in repo.casefold()


async def list_repos(
    wanted: Wanted,
    names: NameFilter,
    cursor: str | None,
    limit: int,
    context: Context,
    *,
    with_files: bool,
) -> tuple[Sequence[RepoInfo], str | None]:
    """Return a page of the wanted models among these names, and the cursor of the next one.

    Raises InvalidRequest for a cursor that no page gave.
    """
    if with_files:
        limit = min(limit, MOST_DESCRIBED)
    if wanted.author and wanted.author != DEFAULT_NAMESPACE:
        names = names.below(f"{wanted.author}.")
    found: list[Model] = []
    more = cursor
    for _ in range(_ROUNDS):
        # No more than there is room for, so that a page ends where the next one begins.
        at_once = limit - len(found) if not (wanted.search or wanted.author) else _READ_AT_ONCE
        page = await pages.list_models(names, more, at_once, context)
        fitting = [each for each in page.items if wanted.has(each)]
        room = limit - len(found)
        found += fitting[:room]
        more = page.next_cursor
        if len(fitting) > room:
            more = pages.cursor_after(found[-1])
        if more is None or len(found) >= limit:
            break
    return [await _told(each, context, with_files=with_files) for each in found], more


async def _told(model: Model, context: Context, *, with_files: bool) -> RepoInfo:
    version = None
    if with_files and model.latest_number is not None:
        version = await context.versions.by_number(model.name, model.latest_number)
    return info_of(model, version, context, with_files=with_files)
