"""What is known to have changed counts as waiting until it has been read, not only until then."""

import asyncio

import pytest

from services.query.search.projection import hints as module
from services.query.search.projection.hints import Hints


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock says, as its last element."""
    told = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: told[-1])
    return told


def test_a_change_waits_while_a_round_reads_it(clock: list[float]) -> None:
    hints = Hints()
    hints.model_changed("churn")
    clock.append(130.0)
    with hints.round() as batch:
        assert batch.models == {"churn"}
        assert (hints.since, hints.models) == (100.0, 1), "it is not read yet"
        assert not hints.knows("churn"), "the next round does not read it"
        hints.version_changed("id")
        hints.model_changed("fraud")
        assert (hints.since, hints.models) == (100.0, 2)
    assert (hints.since, hints.models) == (130.0, 1), "what came meanwhile waits"


def test_after_a_round_that_failed_all_of_it_waits_as_long_as_before(clock: list[float]) -> None:
    hints = Hints()
    hints.version_changed("id")
    hints.model_changed(None)
    clock.append(500.0)

    def fail() -> None:
        with hints.round():
            hints.model_changed("fraud")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (hints.since, hints.models) == (100.0, 1)
    with hints.round() as batch:
        assert (batch.versions, batch.models, batch.everything) == ({"id"}, {"fraud"}, True)
    assert hints.since is None


@pytest.mark.usefixtures("clock")
def test_that_anything_may_have_changed_waits_until_all_is_compared() -> None:
    hints = Hints()
    hints.version_changed(None)
    with hints.round() as batch:
        assert batch.everything
        assert hints.since == 100.0
    assert hints.since is None


def test_what_is_read_waits_no_more_while_everything_is_compared(clock: list[float]) -> None:
    hints = Hints()
    hints.model_changed("churn")
    with hints.round() as batch:
        batch.is_read()
        assert (hints.since, hints.models) == (None, 0), "the comparison is to be sure"
    hints.model_changed("fraud")
    hints.model_changed(None)
    clock.append(500.0)
    with hints.round() as batch:
        batch.is_read()
        assert (hints.since, hints.models) == (100.0, 0), "what may have changed is not read yet"


@pytest.mark.usefixtures("clock")
def test_a_comparison_to_be_sure_is_no_change_that_waits() -> None:
    hints = Hints()
    hints.compare_everything()
    assert hints.since is None
    with hints.round() as batch:
        assert batch.everything
    with hints.round() as batch:
        assert not batch.everything


def test_of_too_many_changes_it_is_not_kept_which_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_HINTS", 2)
    hints = Hints()
    for name in ("a", "b", "c"):
        hints.model_changed(name)
    with hints.round() as batch:
        assert (batch.models, batch.everything) == ({"a", "b"}, True)


async def test_who_waits_is_told_by_a_round_that_began_later() -> None:
    hints = Hints()
    async with asyncio.timeout(10):
        with hints.round() as batch:
            reading = asyncio.create_task(hints.read_soon(["churn"]))
            await hints.wake.wait()
            batch.is_read()
        assert not reading.done()
        with hints.round() as batch:
            assert batch.models == {"churn"}
            batch.is_read()
            await reading
