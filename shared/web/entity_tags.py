"""ETags: what a conditional request names (RFC 9110, 8.8.3 and 13.1)."""

import re

from shared.domain.errors import InvalidRequest

_REVISION = re.compile(r'"([1-9][0-9]{0,9})"')


def entity_tag(revision: int) -> str:
    """Return the strong ETag of a revision."""
    return f'"{revision}"'


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
