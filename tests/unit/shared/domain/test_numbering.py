"""Numbers of versions that are opened together."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.numbering import give_numbers

models = st.sampled_from(["a", "b"])
wishes = st.lists(st.tuples(models, st.none() | st.integers(1, 9)), max_size=12)


def test_the_next_ones_follow_the_highest_of_their_model() -> None:
    assert give_numbers([("a", None), ("b", None), ("a", None)], {"a": 4}) == [5, 1, 6]


def test_what_is_asked_for_is_never_given_as_a_next_one() -> None:
    assert give_numbers([("a", None), ("a", 1), ("a", 3), ("a", None)], {}) == [4, 1, 3, 5]


@given(wishes, st.integers(0, 9))
def test_no_number_is_given_twice_unless_it_is_asked_for_twice(
    asked: list[tuple[str, int | None]], highest: int
) -> None:
    given_numbers = give_numbers(asked, {"a": highest})
    pairs = list(zip(asked, given_numbers, strict=True))
    assert all(wish in (None, number) for (_, wish), number in pairs)
    free = [(model, number) for (model, wish), number in pairs if wish is None]
    taken = {(model, wish) for (model, wish), _ in pairs if wish is not None}
    assert len(set(free)) == len(free)
    assert not taken & set(free)
    assert all(number > highest for model, number in free if model == "a")
