"""Numbers of versions that are opened together: those that were asked for, and the next ones."""

from collections.abc import Iterable, Mapping


def give_numbers(asked: Iterable[tuple[str, int | None]], highest: Mapping[str, int]) -> list[int]:
    """Return a number for each model and wish, in order; None: the next one of its model.

    `highest` has the highest number that each model has given. What is asked for is reserved
    first, so that none of it is given as a next one.
    """
    wishes = list(asked)
    last = dict(highest)
    for model, number in wishes:
        if number is not None:
            last[model] = max(last.get(model, 0), number)
    given: list[int] = []
    for model, number in wishes:
        if number is None:
            number = last[model] = last.get(model, 0) + 1
        given.append(number)
    return given
