"""`If-Match` and `If-None-Match` (RFC 9110, 13.1): what must hold of something to be changed."""

from typing import Annotated

from fastapi import Depends, Header

from shared.domain.aliases import Condition
from shared.domain.errors import InvalidRequest
from shared.web.entity_tags import read_revision

IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=64)]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=64)]


def read_condition(if_match: str | None, if_none_match: str | None) -> Condition:
    """Return what the headers ask for; raises InvalidRequest for any other form."""
    if if_none_match is not None and if_none_match.strip() != "*":
        raise InvalidRequest("If-None-Match", "must be *: it is to be made")
    if if_match is None:
        return Condition(is_absent=if_none_match is not None)
    if if_none_match is not None:
        raise InvalidRequest("If-None-Match", "must not stand beside If-Match")
    revision = read_revision(if_match)
    return Condition(is_there=True) if revision is None else Condition(revision=revision)


async def _condition(if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Condition:
    return read_condition(if_match, if_none_match)


MoveCondition = Annotated[Condition, Depends(_condition)]
