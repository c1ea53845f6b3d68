"""What commits of Hugging Face clients go on from: the end of a model's line of versions."""

from dataclasses import dataclass

from shared.database.client import Database
from shared.database.collection import Document, Transaction
from shared.database.models import read_counters
from shared.domain.records import VersionRecord
from shared.domain.sessions import OPEN_VERSION

MOST_OPEN = 100
"""Commits above a version that are looked at, the newest: there are more only where many were
archived, or an alias was moved far back."""


class HeadMoved(Exception):
    """Another version was opened since a commit looked where its branch is."""


@dataclass(frozen=True, slots=True)
class Line:
    """A model's line of versions, as it was at a moment."""

    highest: int = 0
    """The highest number that was given."""
    latest: int | None = None
    """The highest number that is ready."""


async def read_line(database: Database, model: str) -> Line:
    """Return where a model's line is; of one that is not there, its beginning."""
    fields = {"next_number": 1, "latest_number": 1}
    found = await database.models.find_one({"_id": model}, fields)
    if found is None:
        return Line()
    return Line(found.get("next_number", 0), found.get("latest_number"))


async def commits_above(
    database: Database, model: str, number: int, branch: str
) -> list[VersionRecord]:
    """Return the versions above a number that commits on a branch made, oldest first.

    Only those that are ready, or may be once they are verified.
    """
    query: Document = {
        "model": model,
        "number": {"$gt": number},
        "state": {"$in": ["ready", *OPEN_VERSION]},
        "session.commit.branch": branch,
    }
    found = await database.versions.find(query).sort([("number", -1)]).limit(MOST_OPEN).to_list()
    return [VersionRecord.model_validate(each) for each in reversed(found)]


async def require_highest(
    database: Database, model: str, highest: int, transaction: Transaction
) -> None:
    """Raise HeadMoved where a version of the model was opened since; else none can be meanwhile.

    Whoever opens one writes the model's counters, as this transaction does.
    """
    counters = await read_counters(database, [model], transaction)
    if counters[model].next_number != highest:
        raise HeadMoved
