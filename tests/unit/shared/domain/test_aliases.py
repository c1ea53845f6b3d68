"""When an alias may move, and where to."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.schemas.aliases import check_alias
from shared.domain.aliases import (
    MAX_ALIASES,
    MOMENT,
    Condition,
    Mover,
    MoveRecord,
    next_move,
    require_room,
)
from shared.domain.errors import Conflict, PreconditionFailed
from tests.support.records import version

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)


def move(*, to: int | None, revision: int = 3, at: datetime = NOW) -> MoveRecord:
    return MoveRecord(
        model="churn",
        alias="production",
        revision=revision,
        at=at,
        by="somebody",
        from_number=1,
        to_number=to,
        version_id="a",
        sequence=9,
    )


POINTING, REMOVED = move(to=2), move(to=None)


@pytest.mark.parametrize(
    ("condition", "now"),
    [
        (Condition(), None),
        (Condition(), POINTING),
        (Condition(is_absent=True), None),
        (Condition(is_absent=True), REMOVED),
        (Condition(is_there=True), POINTING),
        (Condition(revision=3), POINTING),
    ],
)
def test_it_moves_where_it_is_as_it_is_believed_to_be(
    condition: Condition, now: MoveRecord | None
) -> None:
    condition.require(now, "production")


@pytest.mark.parametrize(
    ("condition", "now", "code", "told"),
    [
        (Condition(is_absent=True), POINTING, "alias_exists", "is at revision 3, version 2"),
        (Condition(is_there=True), None, "alias_moved", "is not there"),
        (Condition(is_there=True), REMOVED, "alias_moved", "was removed, by revision 3"),
        (Condition(revision=2), POINTING, "alias_moved", "and not at revision 2"),
        (Condition(revision=3), REMOVED, "alias_moved", "was removed"),
        (Condition(revision=1), None, "alias_moved", "is not there"),
    ],
)
def test_it_stays_where_it_is_not_and_says_where_it_is(
    condition: Condition, now: MoveRecord | None, code: str, told: str
) -> None:
    with pytest.raises(PreconditionFailed, match=told) as caught:
        condition.require(now, "production")
    assert (caught.value.code, caught.value.status) == (code, 412)


@pytest.mark.parametrize("late", [timedelta(), timedelta(hours=1), timedelta(milliseconds=-1)])
def test_a_move_is_later_than_the_one_before_whatever_the_clocks_say(late: timedelta) -> None:
    before = move(to=1, at=NOW + late)
    after = next_move(
        before,
        "production",
        version(model="churn", number=2),
        Mover("other", ""),
        is_removal=False,
        at=NOW,
        sequence=10,
    )
    assert after.at == max(NOW, before.at + MOMENT)
    assert (after.revision, after.from_number, after.to_number) == (4, 1, 2)


def test_a_model_has_room_for_so_many() -> None:
    require_room("churn", MAX_ALIASES - 1)
    with pytest.raises(Conflict, match="has 1000 aliases"):
        require_room("churn", MAX_ALIASES)


@pytest.mark.parametrize("alias", ["production", "A", "a1", "v1a", "team.prod", "a_b-c"])
def test_a_name_of_an_alias(alias: str) -> None:
    assert check_alias(alias) == alias


@pytest.mark.parametrize(
    "alias", ["", "latest", "LATEST", "v1", "V20", "1a", "a b", "a@b", "a..b", "a.", "é", "a" * 101]
)
def test_what_is_no_name_of_an_alias(alias: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_alias(alias)
