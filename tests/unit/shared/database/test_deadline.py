"""What a transaction ends with when its time is over."""

import pytest
from pymongo.errors import NetworkTimeout, OperationFailure

from shared.database.errors import DatabaseContended
from shared.database.transactions import Deadline, Overtaken

CUT = NetworkTimeout("timed out")
CONFLICT = OperationFailure("WriteConflict", 112)


async def deadline_after(*reasons: OperationFailure | Overtaken) -> Deadline:
    """A deadline that these failures have used up."""
    now = 0.0

    def clock() -> float:
        return now

    deadline = Deadline(60.0, None, clock=clock)
    for reason in reasons:
        await deadline.pause(reason)
    now = 60.0
    return deadline


@pytest.mark.parametrize("reason", [CONFLICT, Overtaken("read anew")])
async def test_a_statement_cut_off_after_conflicts_is_contended(
    reason: OperationFailure | Overtaken,
) -> None:
    deadline = await deadline_after(reason)
    with pytest.raises(DatabaseContended, match="1 tries within 60 s"):
        deadline.blame_conflicts(CUT)


async def test_a_slow_server_alone_is_no_contention() -> None:
    (await deadline_after()).blame_conflicts(CUT)


async def test_a_failure_that_the_time_did_not_cause_is_told_as_it_is() -> None:
    (await deadline_after(CONFLICT)).blame_conflicts(OperationFailure("too large", 10334))


async def test_a_server_that_went_away_before_the_end_is_no_contention() -> None:
    deadline = Deadline(60.0, None)
    await deadline.pause(CONFLICT)
    deadline.blame_conflicts(CUT)
