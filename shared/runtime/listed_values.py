"""Settings that list values, separated by commas."""

from collections.abc import Callable

from pydantic import AfterValidator


def listed_values(listed: str) -> list[str]:
    """Return the names of a setting that lists them, separated by commas."""
    return [name.strip() for name in listed.split(",") if name.strip()]


def each(check: Callable[[str], object]) -> AfterValidator:
    """Return what validates a setting that lists values: the check raises ValueError for one."""

    def check_each(listed: str) -> str:
        for name in listed_values(listed):
            check(name)
        return listed

    return AfterValidator(check_each)
