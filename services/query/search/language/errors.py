"""What is wrong with a filter or an order, and where."""

from collections.abc import Sequence

from shared.domain.errors import InvalidRequest

FILTER = "filter"
"""The parameter that holds a filter."""


class InvalidSearch(InvalidRequest):
    """A filter or an order breaks a rule; `column` counts its characters from 1."""

    def __init__(
        self, parameter: str, rule: str, column: int, expected: Sequence[str] = ()
    ) -> None:
        super().__init__(parameter, f"{rule} (column {column})", "invalid_filter")
        self.parameter, self.column = parameter, column
        self.members |= {"column": column, "expected": list(expected)}
