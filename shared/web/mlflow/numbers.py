"""Numbers of versions as MLflow's clients write them: as texts."""

from shared.domain.errors import InvalidRequest

MAX_NUMBER = 2**31 - 1


def read_number(text: str) -> int:
    """Return the number of a version; raises InvalidRequest."""
    is_number = text.isascii() and text.isdigit() and len(text) <= 10
    if not is_number or not 1 <= int(text) <= MAX_NUMBER:
        raise InvalidRequest("version", "must be the number of a version")
    return int(text)
