"""What came of webhooks is counted as a plain reading of the words counts it."""

import random

from bench.webhook_figures import Change, Seen, count, together

NOBODY = count({}, [])


def some(made: random.Random) -> tuple[dict[Change, float], list[Seen]]:
    """Changes of two models, and requests that tell of them in any order, any number of times."""
    changes = [(model, number) for model in "ab" for number in range(1, 6)]
    answered = {change: made.uniform(0, 50) for change in changes if made.random() < 0.8}
    seen = [
        Seen(made.choice(changes), made.choice("xyz"), made.random() < 0.5, float(at))
        for at in range(made.randrange(30))
    ]
    return answered, seen


def test_random_requests_are_counted_as_their_words_say() -> None:
    for seed in range(500):
        answered, seen = some(random.Random(seed))  # noqa: S311 - no secret
        found = count(answered, seen)

        taken = [each.change for each in seen if each.is_taken]
        first = {change: taken.index(change) for change in taken}
        again = [
            (each.id, [one.id for one in seen[:place] if one.change == each.change])
            for place, each in enumerate(seen)
        ]
        assert found.requests == len(seen)
        assert found.lost == sum(change not in taken for change in answered)
        assert found.out_of_order == sum(
            any(model == other and number < later for other, later in taken[:place])
            for (model, number), place in first.items()
        )
        assert found.again_same_id == sum(id in before for id, before in again)
        assert found.again_other_id == sum(id not in before for id, before in again if before)
        at = {each.change: each.at for each in reversed(seen) if each.is_taken}
        delays = [max(at[change] - answered[change], 0) for change in answered if change in at]
        assert sorted(found.delays) == sorted(delays)


def test_what_is_lost_is_not_out_of_order_as_well() -> None:
    seen = [Seen(("a", 2), "x", True, 1.0), Seen(("a", 3), "y", True, 2.0)]
    found = count({("a", 1): 0.0, ("a", 2): 0.0, ("a", 3): 0.0}, seen)
    assert (found.lost, found.out_of_order) == (1, 0)


def test_several_receivers_are_added_up() -> None:
    parts = [count(*some(random.Random(seed))) for seed in range(3)]  # noqa: S311 - no secret
    whole = together(parts)
    for name in ("requests", "lost", "out_of_order", "again_same_id", "again_other_id"):
        assert getattr(whole, name) == sum(getattr(each, name) for each in parts)
    assert sorted(whole.delays) == sorted(delay for each in parts for delay in each.delays)
    assert together([]) == NOBODY
