"""ETags: what a conditional request names (RFC 9110, 8.8.3 and 13.1)."""

import re
from typing import Protocol, TypeVar

from starlette.responses import Response

from shared.domain.errors import InvalidRequest


class Revised(Protocol):
    """An answer that edits or moves count on."""

    @property
    def revision(self) -> int:
        """What its ETag names."""
        ...


R = TypeVar("R", bound=Revised)
_REVISION = re.compile(r'"([1-9][0-9]{0,9})"')


def entity_tag(revision: int) -> str:
    """Return the strong ETag of a revision."""
    return f'"{revision}"'


def tagged(answer: R, response: Response) -> R:
    """Return an answer, once the response has its ETag."""
    response.headers["etag"] = entity_tag(answer.revision)
    return answer


def read_revision(if_match: str) -> int | None:
    """Return the revision that `If-Match` names; None for *: whichever it is.

    Raises InvalidRequest for any other form.
    """
    if if_match.strip() == "*":
        return None
    found = _REVISION.fullmatch(if_match.strip())
    if found is None:
        raise InvalidRequest("If-Match", 'must be one revision in quotes, such as "3", or *')
    return int(found[1])
