"""Values of labels that come from the code: that there are few of them is made sure of."""

from collections.abc import Iterable

OTHER = "other"
"""Stands for a value that is not told: whoever could invent values could invent any number."""
MOST_VALUES = 200


class FewValues:
    """The values of one label, which stay few whatever comes; those that are `known` are told."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = set(known)

    def told(self, value: str) -> str:
        """Return a value as a label has it: the first ones as they are, any other as OTHER."""
        if len(self._known) < MOST_VALUES:
            self._known.add(value)
        return value if value in self._known else OTHER
