"""Moments that a reader types, and where an alias pointed then."""

from datetime import UTC, datetime

from pydantic import TypeAdapter

from registry.schemas import Alias
from services.query.aliases.aliases import find_alias
from services.query.context import Context
from shared.domain.errors import InvalidRequest, NotFound
from shared.domain.moments import possible

_MOMENT = TypeAdapter(datetime)


def read_moment(text: str) -> datetime | None:
    """Return a moment; in UTC where it says no offset, as a browser's field sends it.

    None of an empty text. Raises InvalidRequest.
    """
    if not text:
        return None
    try:
        found = _MOMENT.validate_python(text)
        return possible(found.replace(tzinfo=UTC) if found.tzinfo is None else found)
    except ValueError as error:  # pydantic's own is one
        raise InvalidRequest("at", "must be a time such as 2026-11-01T12:00:00") from error


async def pointed_at(model: str, alias: str, at: datetime, context: Context) -> Alias | None:
    """Return where an alias pointed at a moment; None where it pointed nowhere."""
    try:
        return await find_alias(model, alias, at, context)
    except NotFound:
        return None
